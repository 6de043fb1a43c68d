"""The PointMaze world against the closed form of its free flight, and the walls of the U."""

import numpy as np
import pytest
from helpers import GOLDEN, default
from PIL import Image

from pipeline.worlds import WORLDS
from pipeline.worlds.point_maze import policy, scene

MASS = 1000 * 4 / 3 * np.pi * 0.1**3
TIMESTEP, DAMPING, GEAR = 0.01, 1.0, 100.0


def build(**changes):
    module, options = default(WORLDS, "point_maze", **changes)
    return module.build(options)


@pytest.fixture(scope="module")
def world():
    return build()


def drive(world, start, *actions):
    world.restore(np.array(start, np.float32), {})
    for action in actions:
        world.step(np.array(action, np.float32))
    return world.snapshot()


def fly(position, velocity, force, substeps):
    """Semi-implicit Euler with implicit damping, along one axis in free space."""
    for _ in range(substeps):
        velocity = (velocity + TIMESTEP * GEAR * force / MASS) / (1 + TIMESTEP * DAMPING / MASS)
        position += TIMESTEP * velocity
    return position, velocity


def test_the_constants_give_the_greatest_speed_of_the_published_data():
    # One substep at full throttle after the velocity was cut to 5.
    assert fly(0, 5.0, 1.0, substeps=1)[1] == pytest.approx(5.2262554, abs=1e-6)


@pytest.mark.parametrize("force", [0.0, 0.3, -1.0])
def test_a_free_ball_follows_the_closed_form(world, force):
    x, y, vx, vy = drive(world, [1.5, 2.8, 1.0, 0.0], [force, 0])
    assert (x, vx) == pytest.approx(fly(1.5, 1.0, force, substeps=5), abs=1e-6)
    assert (y, vy) == pytest.approx((2.8, 0), abs=1e-6)
    x, y, vx, vy = drive(world, [0.8, 1.5, 0.0, 1.0], [0, force])
    assert (y, vy) == pytest.approx(fly(1.5, 1.0, force, substeps=5), abs=1e-6)
    assert (x, vx) == pytest.approx((0.8, 0), abs=1e-6)


def test_the_velocity_is_cut_to_five_before_a_step(world):
    fast = drive(world, [1.2, 2.8, 9.0, 0], [0, 0])
    np.testing.assert_array_equal(fast, drive(world, [1.2, 2.8, 5.0, 0], [0, 0]))


def test_the_motors_cut_actions_to_one(world):
    strong = drive(world, [1.5, 2.8, 0, 0], [3, 0])
    np.testing.assert_array_equal(strong, drive(world, [1.5, 2.8, 0, 0], [1, 0]))


def test_a_restored_ball_keeps_no_contacts(world):
    rng = np.random.default_rng(0)
    actions = rng.uniform(-1, 1, (200, 2)).astype(np.float32)
    states = [drive(world, [0.8, 0.8, 0, 0])]
    for action in actions:
        world.step(action)
        states.append(world.snapshot())
    for before, action, after in zip(states, actions, states[1:], strict=False):
        drive(world, [2.8, 3.2, 5, 5], [1, 1])  # into a corner
        np.testing.assert_array_equal(drive(world, before, action), after)


@pytest.mark.parametrize(
    ("start", "push", "axis", "stop"),
    [
        ((0.8, 0.8), (-1, 0), 0, 0.4),  # outer walls
        ((0.8, 0.8), (0, -1), 1, 0.4),
        ((2.8, 2.8), (1, 0), 0, 3.2),
        ((2.8, 2.8), (0, 1), 1, 3.2),
        ((0.8, 0.8), (1, 0), 0, 1.2),  # the wall between the arms
        ((2.8, 0.8), (-1, 0), 0, 2.4),
        ((1.8, 2.8), (0, -1), 1, 2.4),
    ],
)
def test_walls_stop_the_ball_a_radius_off_their_faces(world, start, push, axis, stop):
    end = drive(world, [*start, 0, 0], *[push] * 40)
    assert end[axis] == pytest.approx(stop, abs=0.05)
    assert end[2 + axis] == pytest.approx(0, abs=0.05)


def test_the_arms_are_joined_at_the_base(world):
    down, along, up = [[0, 1]] * 25, [[1, 0]] * 25, [[0, -1]] * 25
    x, y, *_ = drive(world, [0.8, 0.8, 0, 0], *down, *along, *up)
    assert x > 2.3
    assert y < 0.6


def test_velocity_does_not_count_for_success(world):
    goal = np.array([1, 1, 0, 0], np.float32)
    assert world.success(np.array([1.3, 1.39, 5, -5], np.float32), goal)
    assert not world.success(np.array([1.3, 1.41, 0, 0], np.float32), goal)
    assert world.distance(np.array([1.3, 1.4, 5, -5], np.float32), goal) == pytest.approx(0.5)


def test_tasks_start_and_end_anywhere_in_the_u_and_are_unsolved(world):
    rng = np.random.default_rng(0)
    tasks = [world.sample(rng) for _ in range(500)]
    assert not any(world.success(start, goal) for start, goal, _ in tasks)
    for states in (np.stack([task[which] for task in tasks]) for which in (0, 1)):
        x, y = states[:, 0], states[:, 1]
        assert ((states[:, :2] >= 0.5) & (states[:, :2] <= 3.1)).all()
        assert not ((x > 1.1) & (x < 2.5) & (y < 2.5)).any()
        # Both arms and the base have the share that their area has: 1.56, 1.56 and .84.
        assert (x <= 1.1).mean() == pytest.approx(1.56 / 3.96, abs=0.08)
        assert (x >= 2.5).mean() == pytest.approx(1.56 / 3.96, abs=0.08)
        assert np.abs(states[:, 2:]).max() <= policy.MAX_SPEED
        assert np.abs(states[:, 2:]).max() > 5


@pytest.mark.parametrize(
    ("start", "goal", "round_the_wall"),
    [
        ((0.8, 0.8), (2.8, 0.8), True),
        ((1.25, 0.8), (2.35, 2.2), True),  # pressed against the wall from both sides
        ((1.25, 0.8), (0.8, 2.2), False),
        ((0.8, 2.8), (2.8, 2.8), False),
        ((0.8, 0.8), (2.8, 2.8), False),  # round one corner, along which the ball slides
    ],
)
def test_a_detour_is_needed_from_arm_to_arm(world, start, goal, round_the_wall):
    for place, other in ((start, goal), (goal, start)):
        drive(world, [*place, 0, 0])
        assert world.detour(np.array([*other, 1, 1], np.float32)) is round_the_wall


def test_heading_straight_from_rest_always_arrives_where_no_detour_is_needed(world):
    rng = np.random.default_rng(0)
    arrived = {True: [], False: []}
    while min(map(len, arrived.values())) < 15:
        start, goal, meta = world.sample(rng)
        world.restore(start * [1, 1, 0, 0], meta)
        detour = world.detour(goal)
        for _ in range(60):
            world.step(world.straight(goal))
        arrived[detour].append(world.success(world.snapshot(), goal))
    assert all(arrived[False])
    assert np.mean(arrived[True]) < 0.5  # by momentum, round the end of the wall


def test_heading_straight_does_not_overshoot(world):
    drive(world, [0.8, 0.8, 0, 0])
    goal = np.array([0.8, 2.8, 0, 0], np.float32)
    furthest = 0.0
    for _ in range(40):
        world.step(world.straight(goal))
        furthest = max(furthest, world.snapshot()[1])
    assert furthest == pytest.approx(2.8, abs=0.02)


def test_coordinates_are_as_far_apart_as_states(world):
    rng = np.random.default_rng(0)
    states = np.stack([policy.random_state(rng) for _ in range(10)])
    apart = np.linalg.norm(world.coordinates(states) - world.coordinates(states[:1]), axis=1)
    assert apart == pytest.approx([world.distance(state, states[0]) for state in states])


def test_random_actions_cover_the_maze_and_stay_in_it(world):
    states = np.concatenate([episode.states for episode in world.collect(12, 60, seed=0)])
    x, y = states[:, 0], states[:, 1]
    assert ((states[:, :2] > 0.34) & (states[:, :2] < 3.26)).all()
    assert not ((x > 1.26) & (x < 2.34) & (y < 2.34)).any()
    assert (x < 1.2).any()
    assert (x > 2.4).any()
    assert np.abs(states[:, 2:]).max() < fly(0, 5.0, 1.0, substeps=5)[1] + 0.1


def test_tours_go_round_the_wall_with_noise():
    episodes = list(build(tours=1.0, size=16).collect(3, 70, seed=0))
    for episode in episodes:
        assert {scene.arm(state) for state in episode.states} == {-1, 0, 1}
    actions = np.concatenate([episode.actions for episode in episodes])
    assert (np.abs(actions) <= 1).all()
    assert actions.std() > 0.3


def test_without_tours_episodes_are_drawn_as_they_always_were():
    rng = np.random.default_rng(0)
    for episode in build(size=16).collect(2, 3, seed=0):
        np.testing.assert_array_equal(episode.states[0], policy.random_state(rng))
        np.testing.assert_array_equal(
            episode.actions, [policy.random_action(rng) for _ in range(3)]
        )


@pytest.mark.parametrize(("camera", "view"), [("full", 6.3), ("legacy", 9.735)])
def test_the_green_centroid_is_the_ball_with_y_downwards(camera, view):
    size = 128
    world = build(camera=camera, size=size)
    half = np.tan(np.deg2rad(45 / 2)) * view  # of the visible area, in cells
    for place in ([0.8, 1.0], [2.8, 2.7]):
        drive(world, [*place, 0, 0])
        frame = world.render().astype(float)
        green = np.clip(frame[..., 1] - np.maximum(frame[..., 0], frame[..., 2]), 0, None)
        rows, columns = np.indices(green.shape)
        centroid = [((axis + 0.5) * green).sum() / green.sum() for axis in (columns, rows)]
        position = 3 + (np.array(centroid) / size * 2 - 1) * half - 1.2
        np.testing.assert_allclose(position, place, atol=0.06)


def test_frames_may_be_larger_than_the_default_buffer_of_mujoco():
    assert build(size=500).render().shape == (500, 500, 3)


def test_frames_look_as_they_did(world):
    drive(world, [0.9, 2.2, 0, 0])
    expected = np.asarray(Image.open(GOLDEN / "point_maze.png"))
    difference = np.abs(world.render().astype(int) - expected)
    assert difference.mean() < 2  # drivers draw edges differently
