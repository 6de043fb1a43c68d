"""The PushT world against mechanics worked out by hand, and the figures of its episodes."""

import numpy as np
import pytest
from helpers import GOLDEN, default, golden_arrays
from PIL import Image

from pipeline.errors import DataError
from pipeline.worlds import WORLDS
from pipeline.worlds.pusht.coverage import coverage
from pipeline.worlds.pusht.physics import Physics, wrap_angle
from pipeline.worlds.pusht.policy import random_state

META = {"shape": "T"}
FAR = (256, 256, 0)  # a block that an agent near a corner does not touch


def build(**changes):
    module, options = default(WORLDS, "pusht", **changes)
    return module.build(options)


@pytest.fixture
def world():
    return build()


@pytest.fixture(scope="module")
def episodes():
    return list(build().collect(20, 60, seed=0))


def state(agent, block, velocity=(0, 0)):
    return np.array([*agent, *block, *velocity], np.float32)


def run(world, start, *actions):
    """States [T, 7] after each action."""
    world.restore(start, META)
    states = []
    for action in actions:
        world.step(np.array(action, np.float32))
        states.append(world.snapshot())
    return np.stack(states)


def turned(angle, vector):
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ vector


def test_a_free_agent_moves_as_its_controller_says(world):
    # With kp 100, kv 20 and dt 0.01 a substep is v' = 0.8 v + e, e' = e - 0.01 v'.
    error, speed = np.array([50.0, -25.0]), np.array([30.0, 0.0])
    ten = np.linalg.matrix_power([[0.8, 1.0], [-0.008, 0.99]], 10)
    speed_after, error_after = ten @ np.stack([speed, error])
    expected = [100 + 50 - error_after[0], 100 - 25 - error_after[1], *FAR, *speed_after]
    (after,) = run(world, state((100, 100), FAR, speed), (0.5, -0.25))
    np.testing.assert_allclose(after, expected, rtol=1e-6)


def test_the_target_is_relative_to_where_the_agent_is_at_every_step(world):
    first, second = run(world, state((60, 60), FAR), (0.2, 0), (0, 0))
    (again,) = run(world, state(first[:2], FAR, first[5:]), (0, 0))
    np.testing.assert_array_equal(second, again)


def test_the_block_is_the_published_one():
    physics = Physics(state((60, 60), (256, 256, 1)))
    assert physics.block.center_of_gravity == pytest.approx((0, 45))
    # The bar's moment about its outer edge, (120^2 + 30^2) / 12 + 15^2 = 1500, twice.
    assert (physics.block.mass, physics.block.moment) == (1, pytest.approx(3000))
    assert sum(shape.area for shape in physics.block.shapes) == 120 * 30 + 30 * 90


def test_a_push_through_the_centre_of_gravity_moves_the_block_straight(world):
    start = state((200, 256 + 45), (256, 256, 0))
    *_, end = run(world, start, *[(0.3, 0)] * 10)
    assert end[2] > 300
    assert end[3:5] == pytest.approx((256, 0), abs=1e-3)
    # The stem's left edge lies at the front of the agent.
    assert end[2] - 15 == pytest.approx(end[0] + 15, abs=1)


@pytest.mark.parametrize(("y", "sign"), [(256 + 15, 1), (256 + 100, -1)])
def test_a_push_off_the_centre_of_gravity_turns_the_block(world, y, sign):
    agent = (256 - 60 - 20, y) if sign > 0 else (256 - 15 - 20, y)
    *_, end = run(world, state(agent, (256, 256, 1e-6)), *[(0.3, 0)] * 5)
    angle = (end[4] + np.pi) % (2 * np.pi) - np.pi
    assert 0.1 < sign * angle < 2
    assert 0 <= end[4] < 2 * np.pi


def test_a_block_that_is_not_touched_stays_to_the_bit(world):
    start = state((60, 60), (300, 300, 2))
    states = run(world, start, *[(0.9, 0), (0, 0.9), (-0.9, 0), (0, -0.9)] * 5)
    np.testing.assert_array_equal(states[:, 2:5], np.tile(start[2:5], (20, 1)))
    assert np.ptp(states[:, :2], axis=0).min() > 20


def test_a_pushed_block_does_not_glide(world):
    states = run(world, state((200, 301), (256, 256, 0)), *[(0.5, 0)] * 6, *[(-0.5, 0)] * 4)
    assert states[5, 2] - 256 > 20
    np.testing.assert_array_equal(states[-1, 2:5], states[-3, 2:5])


def test_the_walls_hold_the_block_but_not_the_agent(world):
    *_, end = run(world, state((290, 301), (330, 256, 0)), *[(0.3, 0)] * 22)
    corners = [(-60, 0), (60, 0), (60, 30), (-60, 30), (-15, 120), (15, 120)]
    furthest = max(end[2] + turned(end[4], np.array(corner))[0] for corner in corners)
    assert 503 < furthest < 505.5  # the wall's face is at 504
    assert end[0] > 506


def test_angles_are_kept_below_a_full_turn():
    assert wrap_angle(-0.5) == pytest.approx(2 * np.pi - 0.5)
    assert wrap_angle(7) == pytest.approx(7 - 2 * np.pi)
    assert wrap_angle(-1e-12) == 0  # 2 pi - 1e-12 is stored as more than 2 pi


def test_success_needs_place_and_angle(world):
    goal = state((100, 100), (250, 250, 0.1))
    full_turn = 2 * np.pi
    for agent, block, reached in [
        ((112, 100), (250, 265, 0.1), True),  # 12 and 15 px are 19.2 together
        ((114, 100), (250, 265, 0.1), False),  # 14 and 15 px are 20.5
        ((100, 100), (250, 250, 0.1 - np.radians(19) + full_turn), True),
        ((100, 100), (250, 250, 0.1 - np.radians(21) + full_turn), False),
    ]:
        assert world.success(state(agent, block, (300, 0)), goal) is reached


def test_distance_weighs_a_degree_like_a_pixel(world):
    goal = state((100, 100), (250, 250, 0.01))
    turn = state((100, 100), (250, 250, 0.01 - np.radians(12) + 2 * np.pi), (50, 0))
    assert world.distance(turn, goal) == pytest.approx(12, abs=1e-3)
    assert world.distance(goal, turn) == world.distance(turn, goal)
    moved = state((103, 100), (250, 254, 0.01 + np.radians(12)))
    assert world.distance(moved, goal) == pytest.approx(13, abs=1e-3)


def test_coverage_is_that_of_gym_pusht(world):
    arrays = golden_arrays("gym_pusht/coverage")
    for pose, goal, expected in zip(
        *(arrays[name] for name in ("pose", "goal", "coverage")), strict=True
    ):
        assert coverage(tuple(pose), tuple(goal)) == pytest.approx(expected, abs=1e-9)
    goal = state((0, 0), (256, 256, np.pi / 4))
    assert world.scores(goal, goal) == {"coverage": pytest.approx(1)}
    assert world.scores(state((9, 9), (250, 256, 0.7)), goal)["coverage"] < 0.95


def test_a_small_turn_is_as_far_in_coordinates_as_a_shift_by_as_many_pixels(world):
    goal = state((100, 100), (250, 250, 0.05))
    turned = state((100, 100), (253, 250, 0.05 - np.radians(4)), (50, 0))
    here, there = world.coordinates(np.stack([goal, turned]))
    assert np.linalg.norm(here - there) == pytest.approx(5, abs=0.01)
    assert world.distance(goal, turned) == pytest.approx(5, abs=1e-3)


def test_heading_straight_brings_a_free_agent_to_its_place(world):
    world.restore(state((60, 60), FAR), META)
    goal = state((60, 400), FAR)
    for _ in range(20):
        world.step(world.straight(goal))
    assert world.success(world.snapshot(), goal)
    assert not world.detour(goal)


def test_tasks_are_drawn_as_published(world):
    rng = np.random.default_rng(0)
    states = np.stack([place for _ in range(500) for place in world.sample(rng)[:2]])
    for columns, low, high in [(slice(0, 2), 50, 449), (slice(2, 4), 100, 399)]:
        np.testing.assert_allclose(states[:, columns].min(0), low, atol=3)
        np.testing.assert_allclose(states[:, columns].max(0), high, atol=3)
        assert (states[:, columns] % 1 == 0).all()
    assert ((states[:, 4] >= 0) & (states[:, 4] < 2 * np.pi)).all()
    assert (states[:, 5:] == 0).all()


def test_a_restored_state_is_the_state(world):
    rng = np.random.default_rng(1)
    for _ in range(50):
        start = random_state(rng)
        start[5:] = rng.normal(0, 100, 2)
        world.restore(start, META)
        np.testing.assert_array_equal(world.snapshot(), start)


def test_an_episode_continued_from_its_middle_comes_out_close(world, episodes):
    errors, reached = [], []
    for episode in episodes:
        pushed = (np.diff(episode.states[:35, 2:5], axis=0) != 0).any(1)
        for start in [*np.flatnonzero(pushed)[::4], 20]:
            world.restore(episode.states[start], META)
            for action in episode.actions[start : start + 25]:
                world.step(action)
            after, recorded = world.snapshot(), episode.states[start + 25]
            assert after[:2] == pytest.approx(recorded[:2], abs=1e-3)
            errors.append(np.linalg.norm(after[2:4] - recorded[2:4]))
            reached.append(world.success(after, recorded))
    assert len(errors) >= 40
    # Most start while the block is pushed; nothing restores how pymunk warm-starts its contacts.
    assert np.mean(np.array(errors) < 0.01) > 0.85
    assert np.mean(reached) > 0.95


def test_goals_replayed_from_a_recorded_state_are_reached_to_the_bit(world, episodes):
    ends = [run(world, episodes[0].states[20], *episodes[0].actions[20:45])[-1] for _ in range(2)]
    np.testing.assert_array_equal(*ends)


def test_a_block_of_another_shape_is_refused_by_name(world):
    with pytest.raises(DataError, match="'T', not 'small_tee'"):
        world.restore(random_state(np.random.default_rng(0)), {"shape": "small_tee"})


def test_collection_pushes_the_block_about(episodes):
    states = np.stack([episode.states for episode in episodes])
    actions = np.stack([episode.actions for episode in episodes])
    assert (np.diff(states[..., 2:5], axis=1) != 0).any(-1).mean() >= 0.35
    assert np.linalg.norm(states[:, -1, 2:4] - states[:, 0, 2:4], axis=-1).mean() >= 100
    np.testing.assert_allclose(actions.std((0, 1)), 0.2, atol=0.03)  # published: .2019, .2002
    assert (np.abs(actions) <= 1).all()
    assert ((states[..., :2] > 0) & (states[..., :2] < 512)).all()


def test_episodes_begin_with_nothing_touching(world, episodes):
    for episode in episodes:
        (after,) = run(world, episode.states[0], (0, 0))
        np.testing.assert_array_equal(after, episode.states[0])


def centroid(weight, size):
    """Where in the world (x, y) the middle of a weight [H, W] is."""
    rows, columns = np.indices(weight.shape) + 0.5
    place = np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()
    return place * 512 / size


@pytest.mark.parametrize("size", [48, 64, 224])
def test_agent_and_block_are_drawn_where_they_are(size):
    world = build(size=size)
    world.restore(state((70, 90), (380, 330, 2.2)), META)
    frame = world.render().astype(float)
    assert frame.shape == (size, size, 3)
    blue = np.clip(frame[..., 2] - frame[..., 0], 0, None)  # none in white, grey and green
    corner = size * 128 // 512
    agent = blue[:corner, :corner]
    np.testing.assert_allclose(centroid(agent, size), (70, 90), atol=2)
    blue[:corner, :corner] = 0
    middle = (120 * 30 * 15 + 30 * 90 * 75) / (120 * 30 + 30 * 90)
    expected = np.array([380, 330]) + turned(2.2, np.array([0, middle]))
    np.testing.assert_allclose(centroid(blue, size), expected, atol=3)


def test_colours_are_the_published_ones():
    world = build(size=512)
    world.restore(state((100, 400), (400, 100, 0)), META)
    frame = world.render()
    on_goal = 256 + turned(np.pi / 4, np.array([0, 75]))
    for (x, y), colour in [
        (on_goal, (144, 238, 144)),
        ((256, 5), (211, 211, 211)),
        ((30, 30), (255, 255, 255)),
        ((400, 115), (143, 163, 184)),  # 1.2 times LightSlateGray
        ((400, 100), (119, 136, 153)),
        ((100, 400), (78, 126, 255)),  # 1.2 times RoyalBlue
        ((100 + 13, 400), (65, 105, 225)),
    ]:
        assert tuple(frame[round(y), round(x)]) == colour


def test_frames_look_as_they_did(world):
    world.restore(state((150, 180), (300, 240, 1)), META)
    expected = np.asarray(Image.open(GOLDEN / "pusht.png"))
    np.testing.assert_array_equal(world.render(), expected)
