"""The quadruped walks, stumbles and falls; what is recorded of it is true of the simulation."""

import os
import subprocess
import sys

import numpy as np
import pytest
from helpers import default

from pipeline.episodes.groups import CONTACT, JOINTS, TERMINATION
from pipeline.worlds import WORLDS
from pipeline.worlds.quadruped import physics, policy, walked
from pipeline.worlds.quadruped.scene import STANDING, load


@pytest.fixture(scope="module")
def world():
    module, options = default(WORLDS, "quadruped")
    return module.build(options)


@pytest.fixture(scope="module")
def episodes(world):
    return list(world.collect(24, 120, seed=0))


def test_the_model_has_the_named_joints_and_geoms_in_the_order_of_the_groups():
    model = load()
    assert [model.actuator(n).name for n in range(model.nu)] == list(JOINTS)
    assert all(model.geom(name).id > 0 for name in physics.PARTS)
    assert (model.nq, model.nv) == (19, 18)


def test_it_stands_still_in_the_default_pose_on_its_four_feet(world):
    world.restore(physics.standing(), {})
    for _ in range(50):
        world.step(np.zeros(12, np.float32))
    state = world.snapshot()
    assert state[CONTACT].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert not state[TERMINATION].any()
    np.testing.assert_allclose(state[physics.GRAVITY], [0, 0, -1], atol=0.01)
    assert state[physics.POSITION][2] == pytest.approx(STANDING, abs=0.02)
    # The weight of each leg on the ground is held by its knee; their signs are the reference's.
    assert np.sign(state[physics.TORQUES][8:]).tolist() == [1, -1, 1, -1]


def test_velocities_are_those_of_the_body_frame(world):
    """A robot turned to the left by a quarter that drifts along y goes forwards."""
    state = physics.standing()
    state[physics.POSITION] = 0, 0, 2
    state[physics.QUATERNION] = np.sqrt(0.5), 0, 0, np.sqrt(0.5)
    state[physics.VELOCITY] = 0, 1, 0
    world.restore(state, {})
    np.testing.assert_allclose(world.snapshot()[physics.LINEAR], [1, 0, 0], atol=1e-6)
    world.step(np.zeros(12, np.float32))
    assert world.snapshot()[physics.POSITION][1] == pytest.approx(physics.PERIOD, rel=0.05)


def test_a_torque_is_that_of_pd_about_the_target(world):
    state = physics.standing()
    state[physics.POSITION] = 0, 0, 2
    state[physics.ANGLES][3], state[physics.SPEEDS][3] = 0.1, 0.5
    state[physics.LAST_ACTION][3] = 0.4
    world.restore(state, {})
    torque = world.snapshot()[physics.TORQUES][3]
    assert torque == pytest.approx(120 * (0.5 * 0.4 - 0.1) - 4 * 0.5, rel=1e-4)


def test_the_trunk_on_the_ground_ends_an_episode(world):
    state = physics.standing()
    state[physics.QUATERNION] = 0, 1, 0, 0  # on its back
    state[physics.POSITION] = 0, 0, 0.075
    world.restore(state, {})
    for _ in range(5):
        world.step(np.zeros(12, np.float32))
    assert world.snapshot()[TERMINATION].all()


def test_an_episode_ends_with_its_first_termination_and_not_before(episodes):
    ends = [episode.states[-1][TERMINATION].all() for episode in episodes]
    assert 0 < sum(ends) < len(episodes)
    for episode, fell in zip(episodes, ends, strict=True):
        assert not episode.states[:-1, TERMINATION].any()
        assert fell or len(episode) == 120
        assert {"vx", "vy", "wz", "dt"} <= episode.meta.keys()


def test_the_trot_goes_where_it_is_told(world):
    """Forwards, to the left, and turning to the left."""
    rng, still = np.random.default_rng(0), {"vx": 0.0, "vy": 0.0, "wz": 0.0}
    moved = {}
    for name, speed in (("vx", 0.7), ("vy", 0.2), ("wz", 0.4)):
        meta = {**still, name: speed}
        world.restore(physics.standing(), meta)
        gait = policy.Trot(meta, policy.Gait(2.4, 0.25, 0.0), rng)
        states = []
        for _ in range(100):
            world.step(gait.act(world.snapshot()))
            states.append(world.snapshot())
        moved[name] = np.mean(states, 0)
        assert not states[-1][TERMINATION].any()
        if name == "vx":
            assert walked(np.stack(states)) > 0.5
    assert moved["vx"][physics.LINEAR][0] > 0.3
    assert moved["vy"][physics.LINEAR][1] > 0.03
    assert moved["wz"][physics.ANGULAR][2] > 0.05


def test_a_push_comes_at_its_time(world):
    meta = {"push_at": 3, "push_x": 0.0, "push_y": 2.0}
    sideways = []
    for pushed in ({}, meta):
        world.restore(physics.standing(), pushed)
        for _ in range(4):
            before = world.snapshot()
            world.step(np.zeros(12, np.float32))
        sideways.append((world.snapshot() - before)[physics.VELOCITY][1])
    assert abs(sideways[0]) < 0.1
    assert sideways[1] > 1


def test_no_picture_is_drawn_by_open_gl(world, monkeypatch):
    monkeypatch.setattr("mujoco.Renderer", None)
    assert world.render().shape == (64, 64, 3)


@pytest.mark.skipif(sys.platform != "linux", reason="the renderer is chosen on Linux alone")
def test_worlds_that_render_can_still_do_so_after_it():
    """MuJoCo reads MUJOCO_GL when it is first imported, by whichever world comes first."""
    script = (
        "import os\nfrom pipeline.worlds.quadruped.physics import Robot\n"
        "Robot()\nprint(os.environ['MUJOCO_GL'])"
    )
    unset = {name: value for name, value in os.environ.items() if name != "MUJOCO_GL"}
    run = [sys.executable, "-c", script]
    assert subprocess.run(run, env=unset, check=True, capture_output=True).stdout == b"egl\n"
