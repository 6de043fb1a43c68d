"""Which tasks are drawn, and which are refused."""

import numpy as np
import pytest
from planning_helpers import Physics, options, run, source

from pipeline.errors import DataError, ParamsError
from pipeline.plan import Options


def test_goals_too_easy_to_measure_planning_are_refused(world, cache):
    with pytest.raises(ParamsError, match=r"straight reaches 2\d of 24 goals, more than plan.max_"):
        run(world, cache, Physics, max_trivial=0.5)


def test_goals_are_replayed_and_never_solved_at_the_start(world, cache):
    draws = source(world, cache, options(count=40, frames=(1, 2), context=2))
    tasks = draws.draw()
    assert draws.solved > 0
    for task in tasks:
        assert not world.success(task.start, task.goal)
        assert task.states.shape == (2, 2)
        parts = ((task.states[0], task.past[0], task.start), (task.start, task.actions, task.goal))
        for begin, actions, end in parts:
            world.restore(begin, task.meta)
            for action in actions:
                world.step(action)
            np.testing.assert_array_equal(world.snapshot(), end)
        np.testing.assert_array_equal(world.render(), task.goal_frame)
    val = {cache.seal.episodes[episode].key for episode in cache.episodes("val")}
    assert {task.episode for task in tasks} <= val


def test_random_goals_are_behind_the_wall_if_that_is_wanted(world, cache):
    goals = {"count": 8, "source": "random", "frames": [1, 1], "detour": True}
    tasks = source(
        world,
        cache,
        options().model_copy(
            update={"goals": Options.model_fields["goals"].annotation.model_validate(goals)}
        ),
    ).draw()
    for task in tasks:
        world.restore(task.start, task.meta)
        assert world.detour(task.goal)
        assert task.actions.shape == (0, 2)


def test_goals_further_than_an_episode_is_long_are_refused(world, cache):
    limits = options(count=4, frames=(6, 6), budget_frames=6)
    with pytest.raises(ParamsError, match=r"plan.context need 30 steps .* the longest valid"):
        source(world, cache, limits).draw()


def test_goals_that_are_all_solved_already_are_refused(world, cache, monkeypatch):
    monkeypatch.setattr(type(world), "success", lambda self, state, goal: True)
    with pytest.raises(DataError, match=r"solved at the start\); raise plan.goals.frames"):
        source(world, cache, options(count=2)).draw()
