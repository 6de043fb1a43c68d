"""Every world keeps the promises of `pipeline.worlds.World`."""

import numpy as np
import pytest
from helpers import default, every

from pipeline.variants import WORLDS


def build(name):
    module, options = default(WORLDS, name)
    return module.build(options)


@pytest.fixture(params=every(WORLDS))
def world(request):
    return build(request.param)


@pytest.fixture
def episode(world):
    return next(iter(world.collect(1, 30, seed=3)))


def test_the_same_seed_gives_the_same_episodes(world):
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
