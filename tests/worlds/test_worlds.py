"""Every world keeps the promises of `pipeline.worlds.World`."""

import numpy as np
import pytest
from helpers import default, every

from pipeline.families import WORLDS
from pipeline.worlds import World

# Simulators that remember more than their states say: how far off they continue is bounded in
# their own tests.
REMEMBERING = {"pusht"}


def build(name):
    module, options = default(WORLDS, name)
    return module.build(options)


PLANNED = [name for name in every(WORLDS) if isinstance(build(name), World)]


@pytest.fixture(params=PLANNED)
def world(request):
    return build(request.param)


@pytest.fixture
def episode(world):
    return next(iter(world.collect(1, 30, seed=3)))


def test_all_but_the_recorder_of_games_can_be_planned_in():
    assert set(every(WORLDS)) - set(PLANNED) == {"csgo"}


@pytest.mark.parametrize("name", every(WORLDS))
def test_the_same_seed_gives_the_same_episodes(name):
    world = build(name)
    first, second, other = (list(world.collect(3, 12, seed=s)) for s in (1, 1, 2))
    for a, b in zip(first, second, strict=True):
        assert a.key == b.key
        assert a.meta == b.meta
        for field in ("frames", "actions", "states"):
            np.testing.assert_array_equal(getattr(a, field), getattr(b, field))
    assert any((a.states != b.states).any() for a, b in zip(first, other, strict=True))


def test_replaying_recorded_actions_gives_the_recorded_states_and_frames(world, episode):
    world.restore(episode.states[0], episode.meta)
    for step, action in enumerate(episode.actions):
        np.testing.assert_array_equal(world.snapshot(), episode.states[step])
        np.testing.assert_array_equal(world.render(), episode.frames[step])
        world.step(action)


@pytest.mark.parametrize(
    "world", [name for name in PLANNED if name not in REMEMBERING], indirect=True
)
def test_a_restored_snapshot_continues_exactly(world, episode):
    world.restore(episode.states[0], episode.meta)
    for action in episode.actions[:10]:
        world.step(action)
    middle = world.snapshot()
    for action in episode.actions[10:]:
        world.step(action)
    end = world.snapshot()
    world.restore(middle, episode.meta)
    np.testing.assert_array_equal(world.snapshot(), middle)
    for action in episode.actions[10:]:
        world.step(action)
    np.testing.assert_array_equal(world.snapshot(), end)


def test_a_state_is_its_own_goal(world, episode):
    for state in episode.states:
        assert world.distance(state, state) == 0
        assert world.success(state, state)


def test_the_first_and_last_states_differ(world, episode):
    assert world.distance(episode.states[0], episode.states[-1]) > 0


def test_a_drawn_task_can_be_restored_and_is_not_solved_yet(world):
    start, goal, meta = world.sample(np.random.default_rng(0))
    again = world.sample(np.random.default_rng(0))
    np.testing.assert_array_equal(start, again[0])
    np.testing.assert_array_equal(goal, again[1])
    for state in (goal, start):
        assert state.shape == (world.state_dim,)
        assert state.dtype == np.float32
        world.restore(state, meta)
        np.testing.assert_array_equal(world.snapshot(), state)
    assert not world.success(start, goal)


def test_recorded_actions_and_states_fit_what_the_world_declares(world, episode):
    assert episode.states.shape[1] == world.state_dim
    assert episode.actions.shape[1:] == world.low.shape == world.high.shape
    inside = (episode.actions >= world.low) & (episode.actions <= world.high)
    assert inside.mean() > 0.9
