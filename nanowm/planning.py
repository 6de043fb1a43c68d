"""The search behind `WorldModel.plan`."""

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from pipeline.errors import ParamsError
from pipeline.files.content import reason
from pipeline.params import Params
from pipeline.plan import Distance
from pipeline.plan.action_space import ActionSpace
from pipeline.plan.dynamics import Imagination
from pipeline.plan.measure import Codec, Seen, build_measure
from pipeline.plan.mpc import solve
from pipeline.planners import cem

if TYPE_CHECKING:
    from nanowm.world_model import WorldModel

OptionsT = TypeVar("OptionsT", bound=Params)
DISTANCE = Distance(frames="last", metric="mse", base=1.0, blur=0.0)
"""The cost of a plan: see `WorldModel.plan`."""


class Horizon(Params):
    """The option of a plan that belongs to no planner."""

    horizon: int = Field(gt=0)


def search(
    model: "WorldModel",
    frame: NDArray[np.uint8],
    goal_frame: NDArray[np.uint8],
    generator: torch.Generator,
    *,
    horizon: int,
    candidates: int,
    elites: int,
    rounds: int,
    steps: int,
) -> NDArray[np.float32]:
    """A plan by the cross-entropy method, [horizon x interval, A]; see `WorldModel.plan`.

    Raises:
        ParamsError: an option is out of range.
    """
    size = {"candidates": candidates, "elites": elites, "rounds": rounds}
    form = {"spread": 1.0, "noise_exponent": 1.0, "result": "best"}
    planner = cem.build(_checked(cem.Options, {**size, **form}))
    dynamics, interval = model.dynamics, model.dynamics.config.interval
    sampling = dynamics.sampling(steps=steps)
    horizon = _checked(Horizon, {"horizon": horizon}).horizon
    codec = Codec(model.codec, dynamics.spec, candidates)
    measure = build_measure(DISTANCE, codec, None)
    space = ActionSpace(dynamics.spec, interval)
    imagination = Imagination(dynamics, codec, sampling, measure, DISTANCE, candidates)
    past = np.zeros((1, 0, interval, dynamics.spec.action_dim), np.float32)
    future = imagination.between(
        Seen(frame[None]), past, Seen(goal_frame[None]), horizon, [generator]
    )
    initial = torch.zeros(1, 1, horizon, space.size)
    plans = solve(planner, space, initial, future, [generator]).plans
    return space.actions(plans)[0].flatten(0, 1).numpy()


def on_cpu(generator: torch.Generator | None) -> torch.Generator:
    """A generator that draws on the CPU, as planners need it: this one, or one seeded by it."""
    if generator is None:
        return torch.default_generator
    if generator.device.type == "cpu":
        return generator
    seed = torch.randint(2**62, (), generator=generator, device=generator.device)
    return torch.Generator().manual_seed(int(seed))


def _checked(options: type[OptionsT], values: dict[str, Any]) -> OptionsT:
    try:
        return options.model_validate(values)
    except ValidationError as error:
        raise ParamsError(f"plan: {reason(error)}") from None
