"""The RT-1-like arm follows its actions; its collection policy picks the named object."""

import numpy as np
import pytest
from helpers import GOLDEN, default
from PIL import Image

from pipeline.episodes.cameras import unproject
from pipeline.worlds import WORLDS
from pipeline.worlds.rt1 import kinematics, physics, policy
from pipeline.worlds.rt1.scene import OBJECTS, TABLE

NAMES = [thing.name for thing in OBJECTS]
OPEN = 1.0


@pytest.fixture(scope="module")
def shared():
    module, options = default(WORLDS, "rt1", height=64, width=80)
    return module.build(options)


@pytest.fixture
def world(shared):
    """The world with the arm at home, and objects in the corners of their area."""
    places = [(0.4, -0.2), (0.4, 0.2), (0.62, -0.2), (0.62, 0.2)]
    rows = [
        [*place, TABLE + thing.height, 1, 0, 0, 0]
        for place, thing in zip(places, OBJECTS, strict=True)
    ]
    shared.restore(physics.at_rest(policy.HOME, np.array(rows)), {})
    return shared


@pytest.fixture(scope="module")
def episodes(shared):
    return list(shared.collect(6, 24, seed=5))


def act(world, *action, times=1):
    for _ in range(times):
        world.step(np.array(action, np.float32))
    return world.snapshot()


def turn(state):
    """Rotation matrix of the observed quaternion x, y, z, w, written out."""
    x, y, z, w = state[3:7].astype(float)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def height(state, task):
    return physics.object_poses(state)[NAMES.index(task.removeprefix("pick ")), 2] - TABLE


def test_roll_pitch_yaw_turn_about_fixed_axes_in_that_order():
    r, p, y = 0.3, -0.5, 0.9
    roll = [[1, 0, 0], [0, np.cos(r), -np.sin(r)], [0, np.sin(r), np.cos(r)]]
    pitch = [[np.cos(p), 0, np.sin(p)], [0, 1, 0], [-np.sin(p), 0, np.cos(p)]]
    yaw = [[np.cos(y), -np.sin(y), 0], [np.sin(y), np.cos(y), 0], [0, 0, 1]]
    expected = np.array(yaw) @ pitch @ roll
    np.testing.assert_allclose(kinematics.rotation(np.array([r, p, y])), expected, atol=1e-12)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("way", [-0.05, 0.05])
def test_the_tool_moves_by_the_action_along_the_axes_of_the_base(world, axis, way):
    before = world.snapshot()
    move = way * np.eye(3)[axis]
    after = act(world, *move, 0, 0, 0, OPEN)
    np.testing.assert_allclose(after[:3] - before[:3], move, atol=3e-3)
    np.testing.assert_allclose(turn(after), turn(before), atol=2e-2)


@pytest.mark.parametrize("angles", [(0.1, 0, 0), (0, -0.1, 0), (0, 0, 0.3)])
def test_the_tool_rotates_by_the_action_about_the_axes_of_the_base(world, angles):
    before = world.snapshot()
    act(world, 0, 0, 0, *angles, OPEN)
    after = act(world, 0, 0, 0, 0, 0, 0, OPEN)
    expected = kinematics.rotation(np.array(angles)) @ turn(before)
    np.testing.assert_allclose(turn(after), expected, atol=1e-2)
    np.testing.assert_allclose(after[:3], before[:3], atol=3e-3)


def test_at_home_the_tool_points_at_the_table_with_the_gripper_open(world):
    np.testing.assert_allclose(turn(world.snapshot())[:, 0], [0, 0, -1], atol=1e-3)
    assert world.snapshot()[7] == pytest.approx(0, abs=1e-6)


def test_the_gripper_command_is_absolute(world):
    still = [0] * 6
    assert act(world, *still, 0.0, times=2)[7] == pytest.approx(1, abs=0.02)
    assert act(world, *still, 1.0, times=2)[7] == pytest.approx(0, abs=0.02)
    assert act(world, *still, 0.5, times=2)[7] == pytest.approx(0.5, abs=0.02)


def test_the_tool_stays_above_the_table_and_unreachable_motion_does_not_add_up(world):
    low = act(world, 0, 0, -0.06, 0, 0, 0, OPEN, times=12)
    assert TABLE + 0.02 < low[2] < TABLE + 0.03
    assert act(world, 0, 0, 0.05, 0, 0, 0, OPEN)[2] - low[2] == pytest.approx(0.05, abs=5e-3)
    far = act(world, 0.06, 0.06, 0, 0.1, 0.1, 0, OPEN, times=20)
    back = act(world, -0.05, 0, 0, 0, 0, 0, OPEN, times=2)
    assert back[0] - far[0] == pytest.approx(-0.1, abs=0.02)


def test_objects_start_on_the_table_apart_and_lie_still(world):
    world.restore(policy.scatter_objects(np.random.default_rng(1)), {})
    before = physics.object_poses(world.snapshot())
    gaps = np.linalg.norm(before[:, None, :2] - before[None, :, :2], axis=-1)
    assert (gaps[~np.eye(4, dtype=bool)] > policy.MIN_DISTANCE).all()
    after = physics.object_poses(act(world, 0, 0, 0, 0, 0, 0, OPEN, times=10))
    np.testing.assert_allclose(after[:, :3], before[:, :3], atol=2e-3)


def test_the_collection_lifts_the_object_that_its_task_names(episodes):
    rises = [height(e.states[-1], e.meta["task"]) - 0.05 for e in episodes]
    assert sum(rise > 0.05 for rise in rises) >= len(episodes) - 1
    assert len({episode.meta["task"] for episode in episodes}) == len(OBJECTS)
    moved = [
        np.linalg.norm(physics.object_poses(e.states[-1] - e.states[0])[:, :3], axis=1)
        for e in episodes
    ]
    named = [NAMES.index(e.meta["task"].removeprefix("pick ")) for e in episodes]
    assert [int(way.argmax()) for way in moved] == named


def test_actions_are_those_of_the_published_set(world, episodes):
    actions = np.concatenate([episode.actions for episode in episodes])
    assert set(actions[:, 6]) == {0.0, 1.0}
    for episode in episodes:
        assert (np.diff(episode.actions[:, 6]) <= 0).all()
    inside = (actions >= world.low) & (actions <= world.high)
    assert inside.mean() > 0.99


def test_every_recorded_state_leads_to_the_next_bit_for_bit(world, episodes):
    for episode in episodes[:2]:
        for state, action, after in zip(
            episode.states, episode.actions, episode.states[1:], strict=False
        ):
            world.restore(state, episode.meta)
            np.testing.assert_array_equal(world.snapshot(), state)
            world.step(action)
            np.testing.assert_array_equal(world.snapshot(), after)


def test_a_released_object_falls(world, episodes):
    task = episodes[0].meta["task"]
    world.restore(episodes[0].states[-1], episodes[0].meta)
    lifted = height(world.snapshot(), task)
    assert height(act(world, 0, 0, 0, 0, 0, 0, OPEN, times=4), task) < lifted - 0.08


def test_the_distance_is_the_largest_of_tool_and_objects(world):
    goal = world.snapshot()
    state = goal.copy()
    physics.object_poses(state)[2, :2] += [0.012, -0.016]
    assert world.distance(state, goal) == pytest.approx(0.02, abs=1e-6)
    assert world.success(state, goal)
    state[:3] += [0, 0, 0.04]
    assert world.distance(state, goal) == pytest.approx(0.04, abs=1e-6)
    assert not world.success(state, goal)


def test_a_task_is_to_hold_up_an_object_that_lies_on_the_table(world):
    start, goal, meta = world.sample(np.random.default_rng(5))
    assert height(start, meta["task"]) < 0.05
    assert height(goal, meta["task"]) > 0.1
    again = world.sample(np.random.default_rng(5))
    np.testing.assert_array_equal(np.stack([start, goal]), np.stack(again[:2]))


def test_large_random_actions_keep_the_state_finite(world):
    rng = np.random.default_rng(0)
    for _ in range(40):
        state = act(world, *rng.uniform(3 * world.low, 3 * world.high))
        assert np.isfinite(state).all()
        assert 0.2 < state[0] < 0.8
        assert abs(state[1]) < 0.42


def test_frames_look_as_they_did(world):
    expected = np.asarray(Image.open(GOLDEN / "rt1.png")).astype(int)
    error = np.abs(world.render() - expected)
    # Drivers place edges differently by a fraction of a pixel.
    assert error.mean() < 1
    assert (error > 12).mean() < 0.02


def test_the_depth_of_its_camera_gives_the_table_and_the_objects_where_they_are():
    module, options = default(WORLDS, "rt1", height=96, width=128, depth=True)
    world = module.build(options)
    episode = next(iter(world.collect(1, 2, seed=0)))
    known = episode.cameras
    assert known.depth.shape == (2, 96, 128)
    np.testing.assert_array_equal(known.poses[0], known.poses[1])
    points = unproject(known.depth[0], known.intrinsics[0], known.poses[0]).reshape(-1, 3)
    on_table = np.abs(points[:, 2] - TABLE) < 2e-3
    assert on_table.mean() > 0.1
    for place in physics.object_poses(episode.states[0])[:, :3]:
        assert np.linalg.norm(points - place, axis=1).min() < 0.04


def test_its_camera_is_known_without_depth_by_default(episodes):
    assert episodes[0].cameras.depth is None
    assert len(episodes[0].cameras) == len(episodes[0])
