"""What controllers do, chunk by chunk."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import default
from planning_helpers import (
    INTERVAL,
    Blind,
    Physics,
    Position,
    attempted,
    options,
    parts,
    rate,
    source,
)
from train_helpers import sampling

from pipeline.errors import ParamsError
from pipeline.plan.action_space import ActionSpace, are_one_hot
from pipeline.plan.apart import mean_error_apart
from pipeline.plan.build import build_controllers
from pipeline.plan.controllers import NoOp, Run, attempt
from pipeline.plan.dynamics import together
from pipeline.plan.measure import Codec, build_measure
from pipeline.planners import PLANNERS


@pytest.mark.parametrize("proposals", [{"nearest": 3, "inverse": 0}, {"nearest": 0, "inverse": 2}])
def test_proposals_are_among_the_first_candidates(world, cache, proposals):
    seen = []

    class Curious:
        def plan(self, problem):
            seen.append(problem.initial)
            problem.cost(problem.initial)
            return type(
                "Solution",
                (),
                {
                    "plans": problem.initial[:, 1],
                    "costs": torch.zeros(1, len(problem.initial)),
                },
            )

    limits = options(count=4, proposals=proposals)
    tasks = source(world, cache, limits).draw()
    built = build_controllers(replace(parts(world, cache, Physics, limits), planner=Curious()))
    runs = attempt(world, tasks, built.planner, 20, "step")
    assert seen[0].shape == (4, 1 + sum(proposals.values()), 2, INTERVAL * 2)
    assert (seen[0][:, 0] == 0).all()
    assert (seen[0][:, 1] != 0).any()
    if len(seen) > 1:  # the rest of the last plan, then zeros
        going = [row for row, run in enumerate(runs) if run.steps > INTERVAL]
        torch.testing.assert_close(seen[1][:, 0, 0], seen[0][going, 1, 1])
        assert (seen[1][:, 0, 1] == 0).all()


def test_a_plan_that_is_good_enough_is_executed_without_a_search(world, cache):
    limits = options(count=8, proposals={"nearest": 4, "inverse": 0})
    tasks = source(world, cache, limits).draw()

    def plans(accept, tasks):
        chosen = limits.model_copy(update={"accept": accept})
        mpc = build_controllers(parts(world, cache, Physics, chosen)).planner
        runs = attempt(world, tasks, mpc, 20, "step")
        made = [plan for run in runs for plan in run.replans]
        assert len(made) == mpc.replans
        return runs, [plan.costs.tolist() for plan in made], mpc.accept

    _, always, _ = plans(0.0, tasks)
    (rounds,) = {len(costs) for costs in always}
    assert rounds > 1
    runs, costs, most = plans(0.025, tasks)
    accepted = [each for each in costs if len(each) == 1]
    assert 0 < len(accepted) < len(costs)
    assert all(cost <= most for (cost,) in accepted)
    assert {len(each) for each in costs} == {1, rounds}
    first, _, _ = plans(0.025, tasks[:1])  # alone
    assert np.array_equal(first[0].actions, runs[0].actions)


def test_what_was_tried_before_a_search_is_not_imagined_again(world, cache, monkeypatch):
    limits, imagined, rollout = options(count=3), [], Physics.rollout
    monkeypatch.setattr(
        Physics, "rollout", lambda *words: imagined.append(len(words[1])) or rollout(*words)
    )
    tasks = source(world, cache, limits).draw()
    runs = [Run(number, task, [task.start]) for number, task in enumerate(tasks)]
    dynamics = build_controllers(parts(world, cache, Physics, limits)).planner.dynamics
    actions = torch.randn(3, 4, 2, INTERVAL, 2, generator=torch.Generator().manual_seed(0))
    generators = [torch.Generator() for _ in runs]
    costs = dynamics.future(runs, 2, generators).cost(actions)
    future = dynamics.future(runs, 2, generators)
    future.error(actions[:, 2:])
    imagined.clear()
    torch.testing.assert_close(future.cost(actions), costs)
    assert sum(imagined) == 3 * 2
    torch.testing.assert_close(future.of([0, 2]).cost(actions[[0, 2]]), costs[[0, 2]])
    assert sum(imagined) == 3 * 2 + 2 * 2
    future.imagined(actions[:, 3])
    assert sum(imagined) == 3 * 2 + 2 * 2


def test_the_nearest_stretch_of_a_training_episode_is_its_own(world, cache):
    limits = options(frames=(2, 2), distance={"metric": "readout"})
    stretches = build_controllers(parts(world, cache, Physics, limits)).proposer.stretches
    episode = cache.episodes("train")[3]
    first = int(cache.starts[episode]) + 4
    meta = cache.seal.episodes[episode].meta
    start, goal = cache.states[first], cache.states[first + 2 * INTERVAL]
    (task,) = source(world, cache, options(count=1)).draw()
    frame = world.draw(goal[None], meta)[0]
    task = replace(task, states=start[None], goal=goal, goal_frame=frame, meta=meta)
    plans = stretches.nearest([Run(0, task, [start])], 3, 2)
    recorded = cache.actions[first : first + 3 * INTERVAL].reshape(3, INTERVAL, 2)
    torch.testing.assert_close(plans[0, 0], stretches.space.standardised(recorded))
    assert plans.shape == (1, 2, 3, 2 * INTERVAL)


def test_the_goal_is_compared_with_what_was_recorded_once(world, cache):
    limits = options(count=2)
    stretches = build_controllers(parts(world, cache, Physics, limits)).proposer.stretches
    runs = [
        Run(n, task, [task.start]) for n, task in enumerate(source(world, cache, limits).draw())
    ]
    measure, seen = stretches.measure, []

    def of_frames(frames):
        seen.append(len(frames.frames))
        return measure.of_frames(frames)

    counting = replace(stretches, measure=replace(measure, of_frames=of_frames))
    first = counting.nearest(runs[:1], 3, 2)
    both = counting.nearest(runs, 3, 2)
    assert seen == [1, 1, 2, 1]  # the present, and the goals that are new
    assert torch.equal(both, stretches.nearest(runs, 3, 2))
    assert torch.equal(both[:1], first)


@pytest.mark.parametrize(("frames", "shown"), [("min", 4), ("last", 2)])
def test_the_simulator_shows_each_state_that_counts_once(world, cache, frames, shown):
    limits = options(count=1, distance={"frames": frames}, simulator=["state"])
    (task,) = source(world, cache, limits).draw()
    built = build_controllers(parts(world, cache, Physics, limits))
    dynamics, seen = built.simulators["simulator_state"].dynamics, []

    def of_states(states, meta):
        seen.append(len(states))
        return dynamics.of_states(states, meta)

    future = replace(dynamics, of_states=of_states).future([Run(0, task, [task.start])], 3, [])
    plans = torch.zeros(1, 5, 3, INTERVAL, 2)
    plans[0, 2] = 0.1  # the only one that moves
    costs = future.cost(plans)
    assert seen == [1, shown]  # the present, and what the plans come to
    still = torch.tensor(world.distance(task.start, task.goal) ** 2).float()
    torch.testing.assert_close(costs[0, [0, 1, 3, 4]], still.expand(4))
    assert costs[0, 2] != costs[0, 0]


@pytest.mark.parametrize("rule", ["step", "chunk", "end"])
def test_a_goal_counts_as_reached_when_the_rule_says(world, cache, rule):
    class Past:
        """Passes the goal in the middle of a chunk and goes on."""

        def act(self, runs, budget):
            return [np.tile(np.float32([1.5, 0]), (INTERVAL, 1)) for _ in runs]

    (task,) = source(world, cache, options(count=1)).draw()
    start, goal = np.float32([8, 20]), np.float32([14, 20])
    task = replace(task, states=start[None], goal=goal, meta={"wall": 45.0, "door": 30.0})
    (result,) = attempt(world, [task], Past(), INTERVAL, rule)
    assert result.success == (rule == "step")
    assert result.steps == (1 if rule == "step" else INTERVAL)


def test_the_horizon_is_never_longer_than_the_budget_that_is_left(world, cache):
    horizons = []

    class Curious:
        def plan(self, problem):
            horizons.append(problem.initial.shape[2])
            costs = torch.zeros(1, len(problem.initial))
            return type("Solution", (), {"plans": problem.initial[:, 0], "costs": costs})

    limits = options(count=2, horizon=3, budget_frames=4)
    tasks = source(world, cache, limits).draw()
    built = build_controllers(replace(parts(world, cache, Blind, limits), planner=Curious()))
    attempt(world, tasks, built.planner, 4 * INTERVAL, "end")
    assert horizons == [3, 3, 2, 1]


def test_a_run_does_not_depend_on_the_others(world, cache):
    limits = options(count=4)
    tasks = source(world, cache, limits).draw()

    def planned(chosen):
        planner = build_controllers(parts(world, cache, Physics, limits)).planner
        return attempt(world, chosen, planner, 20, "end")

    together, alone = planned(tasks), planned(tasks[:1])
    np.testing.assert_allclose(together[0].actions, alone[0].actions, atol=1e-5)


def test_each_run_draws_the_noise_of_stochastic_steps_itself():
    own = tuple(torch.Generator().manual_seed(number) for number in range(3))
    protocol = sampling(steps=2, eta=1.0, stabilisation=0.1)
    noise = together([protocol.noise(1, 2, 4, (2, 1, 1), each) for each in own])
    assert noise.generators == own
    assert (noise.start.shape, noise.context.shape) == ((3, 4, 2, 1, 1), (3, 6, 2, 1, 1))


def test_no_controller_takes_more_steps_than_its_budget(world, cache):
    tasks = source(world, cache, options(count=1)).draw()
    (result,) = attempt(world, tasks, NoOp(7), 10, "chunk")
    assert (result.steps, result.success, len(result.states)) == (10, False, 11)


def test_gradients_are_followed_through_the_model_but_not_through_the_simulator(world, cache):
    module, planner = default(PLANNERS, "gradient", steps=20)
    limits = options(count=6, simulator=["state"], distance={"frames": "last"})
    built = replace(parts(world, cache, Physics, limits), planner=module.build(planner))
    tasks = source(world, cache, limits).draw()
    runs = attempted(built, tasks)
    assert "simulator_state" not in runs
    assert rate(runs["planner"]) >= 0.6
    pixels = options(distance={"metric": "pixels"})
    with pytest.raises(ParamsError, match="'pixels' has no gradient for the planner to follow"):
        build_controllers(replace(built, options=pixels))


def test_actions_that_name_one_of_several_are_choices(cache):
    actions = np.eye(3, dtype=np.float32)[[0, 2, 1, 1]]
    assert are_one_hot(actions)
    assert not are_one_hot(actions + 0.1)
    assert not are_one_hot(np.ones((4, 1), np.float32))
    assert not are_one_hot(cache.actions)
    statistics = {"mean": [0.5] * 2, "std": [0.25] * 2, "min": [0.0] * 2, "max": [1.0] * 2}
    spec = cache.spec.model_copy(update={"actions": statistics})
    choices = ActionSpace(spec, INTERVAL, one_hot=True).choices()
    assert choices.tolist() == [[2.0, -2.0], [-2.0, 2.0]]
    assert ActionSpace(spec, INTERVAL).choices() is None


def test_chunks_longer_than_any_episode_are_refused_before_anything_is_tried(world, cache):
    tasks = source(world, cache, options(count=1)).draw()
    built = parts(world, cache, Blind, options(execute=7, horizon=7, budget_frames=7))
    longest = r"plan\.execute x interval = 35 steps, .* training episode in .* has 30 frames; lower"
    with pytest.raises(ParamsError, match=longest):
        attempted(built, tasks)


@pytest.mark.parametrize(("metric", "own"), [("mse", "latent"), ("pixels", "pixels")])
def test_the_simulator_accepts_what_the_model_would_by_the_same_cost(world, cache, metric, own):
    forms = ["state", "pixels", "latent"]
    limits = options(simulator=forms, distance={"metric": metric}, accept=0.05)
    built = build_controllers(parts(world, cache, Physics, limits))
    assert {form: built.simulators[f"simulator_{form}"].accept for form in forms} == {
        form: built.planner.accept * (form == own) for form in forms
    }


def test_what_is_good_enough_is_a_share_of_what_unrelated_frames_cost(world, cache):
    """Positions of variance 1 on each axis: 2 on average. In other units, as much more."""
    limits = options(distance={"metric": "mse"}, accept=0.05)
    assert build_controllers(parts(world, cache, Physics, limits)).planner.accept == pytest.approx(
        0.05 * 2, rel=0.2
    )
    codec = Codec(Position(), cache.spec, limits.batch)
    measure = build_measure(limits.distance, codec, None)
    tripled = replace(measure, of_latents=lambda latents: 3 * latents)
    apart = [mean_error_apart(cache, each, seed=0) for each in (measure, tripled)]
    assert apart[1] == pytest.approx(9 * apart[0])
