"""The Rope and Granular worlds: pushes with a known outcome, and statistics of their data."""

from itertools import pairwise

import numpy as np
import pytest
from helpers import GOLDEN, default
from PIL import Image

from pipeline.worlds import WORLDS
from pipeline.worlds._shared.planar import goal_shift
from pipeline.worlds._shared.planar.policy import sample_push
from pipeline.worlds.granular.pile import RADIUS

NAMES = ("rope", "granular")


def build(name, **changes):
    module, options = default(WORLDS, name, **changes)
    return module.build(options)


@pytest.fixture(scope="module", params=NAMES)
def world(request):
    return build(request.param)


@pytest.fixture(scope="module")
def rope():
    return build("rope")


@pytest.fixture(scope="module")
def two_grains():
    return build("granular", particles=2)


def particles(state):
    """Positions [P, 2] in the frame of actions: x, and z with its sign flipped."""
    return state.reshape(-1, 4)[:, [0, 2]] * np.array([1, -1])


def state_of(world, positions):
    state = world.snapshot().reshape(-1, 4)
    state[:, [0, 2]] = positions * np.array([1, -1])
    return state.ravel()


def push(world, positions, action):
    world.restore(state_of(world, np.array(positions, float)), {})
    world.step(np.array(action, np.float32))
    return particles(world.snapshot())


def spacing(positions):
    distances = np.linalg.norm(positions[:, None] - positions[None], axis=-1)
    return distances[np.triu_indices(len(positions), 1)]


def random_pushes(world, rng, count):
    """States after pushes from anywhere, half of them from on top of particles, to anywhere."""
    for number in range(count):
        start = rng.uniform(-4, 4, 2)
        if number % 2:
            start = rng.choice(particles(world.snapshot())) + rng.normal(0, 0.1, 2)
        world.step(np.array([*start, *rng.uniform(-3, 3, 2)], np.float32))
        yield particles(world.snapshot())


def test_states_have_the_published_layout(world):
    state = world.snapshot().reshape(-1, 4)
    assert world.state_dim == state.size
    assert (state[:, 1] == state[0, 1]).all()
    assert (state[:, 1] > 0).all()
    assert (state[:, 3] == 1).all()


def test_the_board_leaves_a_grain_in_front_of_it(two_grains):
    front = 0.1 + RADIUS  # half the board's thickness, and the grain
    after = push(two_grains, [[0, 0.2], [3, 3]], [-2, 0, 1, 0])
    np.testing.assert_allclose(after, [[1 + front, 0.2], [3, 3]], atol=0.01)
    # The sign of z: a push from 2 to -1 in actions carries a grain from z = -1 to z = 1.
    after = push(two_grains, [[0.3, 1], [3, 3]], [0, 2, 0, -1])
    np.testing.assert_allclose(after, [[0.3, -1 - front], [3, 3]], atol=0.01)
    assert two_grains.snapshot()[2] == pytest.approx(1 + front, abs=0.01)


def test_the_board_is_as_wide_as_it_should_be(two_grains):
    reach = 0.65 + RADIUS
    positions = [[0, reach - 0.02], [0, -reach - 0.02]]
    after = push(two_grains, positions, [-2, 0, 1, 0])
    assert after[0, 1] > reach - 0.01  # slid off its corner
    np.testing.assert_array_equal(after[1], np.float32(positions[1]))


def test_a_grain_pushes_the_next(two_grains):
    after = push(two_grains, [[0, 0], [0.5, 0]], [-2, 0, 1, 0])
    np.testing.assert_allclose(after[:, 0], 1.1 + RADIUS * np.array([1, 3]), atol=0.02)


def test_a_rope_follows_the_stick_that_pulls_at_its_middle(rope):
    link = rope.deformable.link
    straight = np.stack([np.zeros(24), link * (np.arange(24) - 11.5)], -1)
    after = push(rope, straight, [-1, 0, 1, 0])
    front = 1 + 0.12 + 0.08  # half the stick, and half the rope; freed of it, the bend eases
    assert (after[:, 0].max() > front - 0.15) & (after[:, 0].max() <= front)
    assert (np.diff(after[:12, 0]) > 0).all()  # the ends trail behind
    np.testing.assert_allclose(after * [1, -1], after[::-1], atol=0.02)  # symmetric


@pytest.mark.parametrize("action", [[0.5, 0.5, 0.5, 0.5], [4, 4, -4, 4]])
def test_a_push_without_length_or_far_away_changes_nothing(world, action):
    world.restore(next(iter(world.collect(1, 2, seed=0))).states[1], {})
    before = world.snapshot()
    world.step(np.array(action, np.float32))
    np.testing.assert_array_equal(world.snapshot(), before)


def test_a_rope_does_not_stretch_whatever_is_done_to_it(rope):
    rng = np.random.default_rng(0)
    for positions in random_pushes(rope, rng, 80):
        links = np.linalg.norm(np.diff(positions, axis=0), axis=-1)
        np.testing.assert_allclose(links, rope.deformable.link, rtol=0.02)


def test_grains_do_not_overlap_whatever_is_done_to_them():
    world = build("granular", size=16)
    states = np.concatenate([episode.states for episode in world.collect(4, 20, seed=0)])
    positions = [*map(particles, states), *random_pushes(world, np.random.default_rng(0), 40)]
    nearest = [spacing(each).min() for each in positions]
    assert min(nearest) > 0.8 * 2 * RADIUS
    assert np.median(nearest) > 0.99 * 2 * RADIUS


@pytest.mark.parametrize(("name", "low", "high"), [("granular", 0.3, 0.5), ("rope", 1.0, 1.5)])
def test_every_recorded_push_moves_the_object(name, low, high):
    world = build(name, size=16)
    episodes = list(world.collect(6, 12, seed=0))
    moved = [world.distance(a, b) for e in episodes for a, b in pairwise(e.states)]
    assert np.mean(np.array(moved) > 0.05) > 0.95
    assert low < np.mean(moved) < high
    assert 0.4 < world.deformable.success_distance / np.median(moved) < 0.7
    starts = np.stack([episode.states[0] for episode in episodes])
    assert all(world.distance(a, b) > 0.05 for a, b in pairwise(starts))


def test_pushes_go_through_a_particle_near_the_median():
    rng = np.random.default_rng(0)
    positions = np.concatenate([rng.normal(0.5, 0.5, (20, 2)), [[3.5, 3.5]]])
    for _ in range(100):
        action = sample_push(positions, rng).astype(float)
        start, end = action[:2], action[2:]
        assert np.abs(start).max() <= 4
        assert np.abs(end).max() < 1.5
        assert np.linalg.norm(positions - start, axis=1).min() > 0.2
        direction = end - start
        off = (
            (positions[:20] - start)
            @ np.array([-direction[1], direction[0]])
            / np.linalg.norm(direction)
        )
        beyond = (end - positions[:20])[:, 0] * np.sign(direction[0])
        assert ((np.abs(off) < 1e-5) & (beyond > 1.499) & (beyond < 2.001)).any()


def test_goals_are_the_start_moved_as_published():
    for name, shrinks in (("rope", (1, 1)), ("granular", (0.6, 0.9))):
        world = build(name, size=16)
        before = world.snapshot()
        for seed in range(40):
            start, goal, meta = world.sample(np.random.default_rng(seed))
            assert meta == {}
            assert not world.success(start, goal)
            # Coming to rest straightens a rope a little, and takes grains distances that overlap.
            shrunk = spacing(particles(goal)).mean() / spacing(particles(start)).mean()
            assert shrinks[0] - 0.02 < shrunk < shrinks[1] + 0.1
            world.restore(goal, meta)
            np.testing.assert_array_equal(world.snapshot(), goal)
        world.restore(before, {})


def test_goals_are_shifted_equally_on_both_axes_by_up_to_one_unit():
    rng = np.random.default_rng(0)
    shifts = np.stack([goal_shift(rng) for _ in range(200)])
    far = np.abs(shifts)
    np.testing.assert_array_equal(far[:, 0], far[:, 1])
    assert far.max() <= 1
    assert far.mean() == pytest.approx(0.5, abs=0.1)
    assert len(np.unique(np.sign(shifts), axis=0)) == 4


def test_the_distance_is_the_chamfer_distance_of_dino_wm(two_grains):
    def state(*positions):
        return state_of(two_grains, np.array(positions, float))

    base = state([0, 0], [2, 0])
    assert two_grains.distance(base, state([2, 0], [0, 0])) == 0
    assert two_grains.distance(base, state([0, 0.5], [2, 0.5])) == pytest.approx(1)
    # One particle is .4 off one direction; the other direction the nearest are 0 and 1.6 off.
    assert two_grains.distance(base, state([0, 0], [0.4, 0])) == pytest.approx(0.2 + 0.8)


def test_the_camera_looks_from_the_corner_of_x_and_z(two_grains):
    def centroid(*place):
        state = state_of(two_grains, np.array([place, place], float))
        two_grains.restore(state, {})
        frame = two_grains.render().astype(float)
        brown = np.clip(frame[..., 0] - frame[..., 2] - 20, 0, None)
        assert brown.sum() > 0
        return [(axis * brown).sum() / brown.sum() for axis in np.indices(brown.shape)]

    middle = two_grains.render().shape[0] / 2 - 0.5
    assert centroid(0, 0) == pytest.approx([middle, middle], abs=1.5)
    row, column = centroid(1.5, 0)
    assert row > middle + 3  # nearer
    assert column > middle + 3
    row, column = centroid(0, -1.5)  # z = 1.5
    assert row > middle + 3
    assert column < middle - 3


@pytest.mark.parametrize("name", NAMES)
def test_frames_look_as_they_did(name):
    world = build(name)
    world.restore(state_of(world, world.deformable.sample_start(np.random.default_rng(4))), {})
    expected = np.asarray(Image.open(GOLDEN / f"{name}.png"))
    difference = np.abs(world.render().astype(int) - expected)
    assert difference.mean() < 0.3  # drivers draw edges differently; an empty table is off by more
