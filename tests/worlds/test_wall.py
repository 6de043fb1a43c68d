"""The Wall world against geometry worked out by hand."""

import numpy as np
import pytest
from helpers import GOLDEN, default, member_of
from PIL import Image

from pipeline.testing.worlds import WorldTests
from pipeline.worlds import WORLDS
from pipeline.worlds._shared import distractor
from pipeline.worlds.wall import physics, policy

META = {"wall": 32.0, "door": 30.0}


@pytest.fixture
def world():
    module, options = default(WORLDS, "wall")
    return module.build(options)


def walk(world, start, *actions):
    world.restore(np.array(start, np.float32), META)
    for action in actions:
        world.step(np.array(action, np.float32))
    return world.snapshot().tolist()


def test_a_free_dot_moves_by_twice_its_action(world):
    assert walk(world, [10, 20], [1.0, -0.5]) == [12, 19]


def test_the_wall_stops_a_dot_half_a_pixel_off_its_face(world):
    assert walk(world, [27, 15], [1.5, 0]) == [28.5, 15]
    assert walk(world, [37, 15], [-1.5, 0]) == [35.5, 15]


def test_a_slanted_path_stops_where_it_meets_the_face(world):
    # From x = 27 the face at 29 is met half way along a path of (4, 2).
    assert walk(world, [27, 15], [2, 1]) == [28.5, 16]


def test_the_door_lets_a_dot_through(world):
    x, y = walk(world, [26, 30], *[[1.5, 0]] * 5)
    assert (x, y) == (41, 30)


def test_the_sides_of_the_door_are_solid(world):
    assert walk(world, [32, 30], [0, 3]) == [32, 33.5]
    assert walk(world, [32, 30], [0, -3]) == [32, 26.5]


def test_a_dot_against_the_wall_may_leave_it(world):
    assert walk(world, [28.5, 15], [1, 0], [-1, 0]) == [26.5, 15]


@pytest.mark.parametrize(
    ("start", "action", "end"),
    [
        ([6, 20], [-3, 0], [4.5, 20]),
        ([58, 20], [3, 0], [59.5, 20]),
        ([20, 6], [0, -3], [20, 4.5]),
        ([20, 58], [0, 3], [20, 59.5]),
    ],
)
def test_the_border_stops_a_dot(world, start, action, end):
    assert walk(world, start, action) == end


def test_no_path_ever_enters_or_crosses_something_solid(world):
    rng = np.random.default_rng(0)
    position = policy.starts(500, 32, rng)
    doors = np.full(500, 30.0)
    for _ in range(200):
        before = position
        position = physics.move(position, rng.normal(0, 1.5, (500, 2)), 32, doors)
        in_wall = np.abs(position[:, 0] - 32) < 3
        assert (np.abs(position[in_wall, 1] - 30) < 4).all()
        assert (position >= 4.5).all()
        assert (position <= 59.5).all()
        # Whoever changed rooms in one step was level with the door on both sides.
        crossed = (before[:, 0] < 29) & (position[:, 0] > 35)
        assert (np.abs(before[crossed, 1] - 30) < 4 + 6).all()


def test_one_dot_moves_as_it_does_among_many(world):
    rng = np.random.default_rng(1)
    position, actions = policy.starts(20, 32, rng), rng.normal(0, 1, (20, 2))
    doors = np.full(20, 30.0)
    together = physics.move(position, actions, 32, doors)
    alone = [physics.move(position[[i]], actions[[i]], 32, doors[[i]])[0] for i in range(20)]
    np.testing.assert_array_equal(together, np.stack(alone))


def test_the_red_centroid_is_the_dot(world):
    world.restore(np.array([20, 40], np.float32), META)
    red = world.render()[..., 0].astype(float)
    rows, columns = np.indices(red.shape)
    to_world = 65 / world.options.size
    x = (red * (columns + 0.5)).sum() / red.sum() * to_world - 0.5
    y = (red * (rows + 0.5)).sum() / red.sum() * to_world - 0.5
    assert (x, y) == pytest.approx((20, 40), abs=0.1)


def test_collection_crosses_the_door_and_keeps_moving():
    module, options = default(WORLDS, "wall", crossing=0.4, pushing=0)
    episodes = module.build(options).collect(200, 50, seed=0)
    states = np.stack([episode.states for episode in episodes])
    left, right = (states[..., 0] < 29).any(1), (states[..., 0] > 35).any(1)
    assert 0.35 < (left & right).mean() < 0.65
    stride = np.linalg.norm(np.diff(states, axis=1), axis=-1)
    assert 1.6 < stride.mean() < 2.1
    assert (stride < 0.01).mean() < 0.1


@pytest.mark.parametrize(("pushing", "share"), [(0, 0.11), (0.5, 0.26), (1, 0.41)])
def test_a_dot_that_pushes_goes_on_against_what_stops_it(pushing, share):
    module, options = default(WORLDS, "wall", crossing=0, pushing=pushing)
    episodes = list(module.build(options).collect(200, 26, seed=0))
    states, actions = (np.stack([getattr(e, of) for e in episodes]) for of in ("states", "actions"))
    went = np.diff(states, axis=1) - 2 * actions[:, :-1]
    assert (np.abs(went).max(-1) > 0.5).mean() == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize(
    ("start", "goal", "blocked"),
    [
        ([20, 15], [45, 15], True),
        ([20, 30], [45, 31], False),  # through the door
        ([20, 24], [45, 40], False),
        ([20, 20], [45, 30], True),  # into the side of the door
        ([20, 10], [28.5, 55], False),  # along the face of the wall
        ([28.5, 10], [35.5, 10], True),
        ([32, 30], [45, 31], False),  # out of the door
        ([32, 30], [45, 50], True),
    ],
)
def test_a_detour_is_needed_where_the_wall_is_in_the_way(world, start, goal, blocked):
    places = [np.array(place, np.float32) for place in (start, goal)]
    for state, other in (places, places[::-1]):
        world.restore(state, META)
        assert world.detour(other) is blocked


def test_heading_straight_reaches_a_goal_exactly_unless_the_wall_is_in_the_way(world):
    rng = np.random.default_rng(0)
    for start, goal in zip(policy.starts(40, 32, rng), policy.starts(40, 32, rng), strict=True):
        world.restore(start.astype(np.float32), META)
        blocked = world.detour(goal)
        steps = np.ceil(np.linalg.norm(goal - start) / 3.6)
        for _ in range(int(steps)):
            action = world.straight(goal.astype(np.float32))
            assert np.linalg.norm(action) <= 1.8 + 1e-6
            world.step(action)
        assert (world.distance(world.snapshot(), goal) < 1e-4) is not blocked


def test_coordinates_are_as_far_apart_as_states(world):
    states = policy.starts(10, 32, np.random.default_rng(0)).astype(np.float32)
    apart = np.linalg.norm(world.coordinates(states) - world.coordinates(states[:1]), axis=1)
    assert apart == pytest.approx([world.distance(state, states[0]) for state in states])


def test_frames_look_as_they_did(world):
    world.restore(np.array([27, 31], np.float32), META)
    expected = np.asarray(Image.open(GOLDEN / "wall.png"))
    np.testing.assert_array_equal(world.render(), expected)


class TestWallWithADistractor(WorldTests):
    @pytest.fixture(scope="class")
    @classmethod
    def member(cls):
        return member_of(WORLDS, "wall", distractor=4)

    def test_every_frame_shows_it_whole_at_its_recorded_cell(self, member, world, episode):
        cells = distractor.cells(episode.states[:, 2], 16)
        expected = member.options.distractor_frames()[cells]
        np.testing.assert_array_equal(episode.frames[..., 2], expected[..., 2])
        assert len(set(cells.tolist())) > 8

    def test_nothing_else_changes(self, world):
        module, options = default(WORLDS, "wall")
        for plain, distracted in zip(
            module.build(options).collect(3, 12, seed=1), world.collect(3, 12, seed=1), strict=True
        ):
            np.testing.assert_array_equal(distracted.frames[..., :2], plain.frames[..., :2])
            np.testing.assert_array_equal(distracted.states[:, :2], plain.states)
            np.testing.assert_array_equal(distracted.actions, plain.actions)
            assert not plain.frames[..., 2].any()


def test_the_cells_of_the_distractor_do_not_overlap():
    for side, *size in ((4, 64, 64), (4, 32, 48), (5, 64, 64), (8, 16, 16)):
        squares = distractor.squares(side, *size)
        assert squares.shape == (side**2, *size)
        assert (squares.any((1, 2))).all()
        assert ((squares > 0).sum(0) <= 1).all()


@pytest.mark.parametrize("interval", [1, 5])
def test_no_cell_of_the_distractor_says_where_it_is_next(interval):
    """All pairs of cells, of frames so many steps apart, are equally frequent (chi-squared)."""
    draws = distractor.first((60_000,), np.random.default_rng(0))
    later = draws
    for _ in range(interval):
        later = distractor.following(later)
    pairs = np.bincount(distractor.cells(draws, 16) * 16 + distractor.cells(later, 16))
    expected = 60_000 / 256
    assert ((pairs - expected) ** 2 / expected).sum() < 255 + 3 * np.sqrt(2 * 255)
    assert (distractor.following(later.astype(np.float32)) == distractor.following(later)).all()
