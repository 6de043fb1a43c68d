"""The controller behind `WorldModel.plan`."""

from typing import TYPE_CHECKING, Any, TypeVar

import torch
from pydantic import ValidationError

from pipeline.diffusion import SamplingOptions
from pipeline.errors import ParamsError
from pipeline.files.content import reason
from pipeline.params import Params
from pipeline.plan import Distance, Options
from pipeline.plan.mpc import Mpc
from pipeline.planners import cem

if TYPE_CHECKING:
    from nanowm.world_model import WorldModel

OptionsT = TypeVar("OptionsT", bound=Params)
SEED = 0
"""Of a generator that is replaced."""


def controller(
    model: "WorldModel", *, horizon: int, candidates: int, elites: int, rounds: int, steps: int
) -> Mpc:
    """MPC with the cross-entropy method; see `WorldModel.plan`.

    Raises:
        ParamsError: an option is out of range.
    """
    search = {
        "candidates": candidates,
        "elites": elites,
        "rounds": rounds,
        "spread": 1.0,
        "noise_exponent": 1.0,
    }
    planner = cem.build(_checked(cem.Options, {**search, "result": "best"}))
    sampling = model.dynamics.sampling("sequential", steps)
    options = _checked(Options, _options(horizon, sampling.options))
    return Mpc(model.dynamics, model.codec, planner, sampling, options)


def on_cpu(generator: torch.Generator | None) -> torch.Generator:
    """A generator that draws on the CPU, as planners need it: this one, or one seeded by it."""
    if generator is None:
        return torch.default_generator
    if generator.device.type == "cpu":
        return generator
    seed = torch.randint(2**62, (), generator=generator, device=generator.device)
    return torch.Generator().manual_seed(int(seed))


def _options(horizon: int, sampling: SamplingOptions) -> dict[str, Any]:
    """All options of the stage plan; those of its tasks and its report do not matter here."""
    tasks = {"goals": 1, "goal_frames": 1, "budget_frames": 1, "recorded": 1, "seed": SEED}
    distance = Distance(frames="last", metric="mse", base=1.0)
    search = {"horizon": horizon, "execute": 1, "sampling": sampling, "distance": distance}
    return {**tasks, **search}


def _checked(options: type[OptionsT], values: dict[str, Any]) -> OptionsT:
    try:
        return options.model_validate(values)
    except ValidationError as error:
        raise ParamsError(f"plan: {reason(error)}") from None
