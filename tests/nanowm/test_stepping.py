"""Stepping and planning: a model as an environment is used."""

import numpy as np
import pytest
import torch
from helpers import PARAMS

from pipeline.compute import device
from pipeline.errors import UserError
from pipeline.plan import Options
from pipeline.plan.action_space import ActionSpace
from pipeline.plan.controllers import Run
from pipeline.plan.dynamics import Imagination, ModelDynamics
from pipeline.plan.measure import Codec, build_measure
from pipeline.plan.mpc import Mpc
from pipeline.plan.tasks import Task
from pipeline.planners import cem


def seeded():
    return torch.Generator().manual_seed(3)


SEARCH = {"candidates": 64, "elites": 8, "rounds": 4, "noise_exponent": 1.0, "result": "best"}


def test_steps_are_the_rollout(model, frames, actions):
    expected = model.rollout(frames, actions, generator=seeded())
    state, draws = model.reset(frames, actions[:, :4]), seeded()
    for index in range(6):
        chunk = actions[:, 4 + 2 * index :][:, :2]
        state, frame = model.step(state, chunk, generator=draws)
        assert np.array_equal(frame, expected[:, index])
    assert repr(state) == "State of 2 rollouts, 4 frames in the window"


def test_a_state_can_be_stepped_twice(model, frames, actions):
    state = model.reset(frames[0, 0])
    assert torch.equal(state.latent, model.encode(frames[0, 0]))
    _, first = model.step(state, actions[0, :2], generator=seeded())
    _, other = model.step(state, actions[0, 2:4], generator=seeded())
    _, again = model.step(state, torch.from_numpy(actions[0, :2]), generator=seeded())
    assert first.shape == (16, 16, 3)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_what_does_not_fit_a_step_is_told_in_one_line(model, frames, actions):
    with pytest.raises(UserError, match="0 actions, but 3 frames have 4 between them; give those"):
        model.reset(frames)
    state = model.reset(frames[0, 0])
    with pytest.raises(UserError, match="4 actions, but a step takes 2, from one frame"):
        model.step(state, actions[0, :4])
    with pytest.raises(UserError, match=r"actions are \[2\], not \[N, 2\]"):
        model.step(state, actions[0, 0])
    with pytest.raises(UserError, match="steps = 0; a frame takes at least one denoising step"):
        model.step(state, actions[0, :2], steps=0)


def test_a_plan_is_that_of_the_stage(model, frames):
    goal = frames[1, 0]
    plan = model.plan(frames[0, 0], goal, generator=seeded())
    assert plan.shape == (4, 2)
    assert plan.dtype == np.float32
    sampling, spec = model.dynamics.sampling("sequential", 2), model.dynamics.spec
    distance = {"frames": "last", "metric": "mse", "base": 1.0, "blur": 0.0}
    changes = {"sampling": sampling.options, "distance": distance, "horizon": 2}
    options = Options.model_validate({**PARAMS["plan"], **changes})
    codec = Codec(model.codec, spec, 64)
    measure = build_measure(options.distance, codec, None)
    imagination = Imagination(model.dynamics, codec, sampling, measure, options.distance, batch=64)
    space = ActionSpace(spec, model.dynamics.config.interval)
    search = cem.build(cem.Options.model_validate({**PARAMS["planners"]["cem"], **SEARCH}))
    mpc = Mpc(
        ModelDynamics(Shown(frames[0, 0]), imagination, options.context), search, space, options
    )
    mpc.generators[0] = seeded()
    none, past = np.zeros(3, np.float32), np.zeros((0, space.interval, 2), np.float32)
    run = Run(0, Task("", 0, none[None], past, past[:, 0], none, goal, {}), [none])
    (chunk,) = mpc.act([run], budget=10)
    assert np.array_equal(chunk, plan[: len(chunk)])


class Shown:
    """A world that always shows the same frame."""

    def __init__(self, frame):
        self.frame = frame

    def draw(self, states, meta):
        return np.stack([self.frame] * len(states))


def test_a_plan_keeps_to_the_actions_that_were_recorded(model, frames):
    plan = model.plan(frames[0, 0], frames[1, 0], horizon=3, generator=seeded())
    assert plan.shape == (6, 2)
    low, high = (model.dynamics.spec.actions[name] for name in ("min", "max"))
    assert (plan >= low).all()
    assert (plan <= high).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"horizon": 0}, "plan: horizon = 0"),
        ({"candidates": 4}, "plan: elites = 8 exceeds candidates = 4"),
        ({"steps": 0}, "sampling.steps"),
    ],
)
def test_options_of_a_plan_are_checked(model, frames, options, message):
    with pytest.raises(UserError, match=message):
        model.plan(frames[0, 0], frames[1, 0], **options)


def test_a_plan_is_made_from_one_frame(model, frames):
    with pytest.raises(UserError, match=r"goal_frame is \[3, 16, 16, 3\], not one frame"):
        model.plan(frames[0, 0], frames[1])


@pytest.mark.skipif(device.pick().type == "cpu", reason="needs a GPU")
def test_a_generator_of_the_gpu_draws_there(model, frames, actions):
    on_gpu = model.to("cuda")
    draws = torch.Generator("cuda").manual_seed(0)
    assert on_gpu.rollout(frames, actions, generator=draws).shape == (2, 6, 16, 16, 3)
    assert on_gpu.plan(frames[0, 0], frames[1, 0], generator=draws).shape == (4, 2)
