"""Walks in the simulator by planning, beside other controllers from the same starts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.table import Table
from torch import Tensor

from pipeline.compute.generators import seeded
from pipeline.dynamics.load import load_for
from pipeline.dynamics.state_model import StateModel
from pipeline.errors import DataError, ParamsError
from pipeline.imagination.options import Weights
from pipeline.imagination.returns import Returns
from pipeline.imagination.rewards import LINEAR
from pipeline.latents.cache import open_cache
from pipeline.metrics.bootstrap import mean_intervals
from pipeline.metrics.schema.policy import Walking
from pipeline.params import Settings
from pipeline.planners import PLANNERS
from pipeline.policy import Options, baselines, starts
from pipeline.policy.walking import Controller, Walk, scored, walks
from pipeline.tools.walk.mpc import Mpc
from pipeline.tools.walk.recorded import Stretches
from pipeline.worlds import WORLDS, World

CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True)
class Plan:
    """How walks are planned.

    Attributes:
        horizon: actions of a plan.
        execute: of these are taken before the next search.
        proposals: recorded stretches among the first candidates.
        fall: charge for a fall, in rewards.
    """

    horizon: int
    execute: int
    proposals: int
    fall: float


@dataclass(frozen=True, slots=True)
class Walked:
    """How one controller walks.

    Attributes:
        along: mean of the distance in the direction of the command, m.
        along_interval: of that mean, of 95 %.
        gain: mean of what it gets further along than `nearest` does from the same start, m; None of
            the collecting policy, which starts elsewhere.
        gain_interval: of that mean.
        walking: its falls and the rest.
    """

    along: float
    along_interval: tuple[float, float]
    gain: float | None
    gain_interval: tuple[float, float] | None
    walking: Walking


def run(
    settings: Settings, latents: Path, folder: Path, plan: Plan, names: Sequence[str]
) -> dict[str, Walked]:
    """Walk `policy.trial.episodes` episodes by each controller.

    `names` are planners of params.yaml; the other controllers are the nearest recorded stretches,
    random actions, standing still, and the policy that collected the data, as it collects.

    Raises:
        ParamsError: the data set has no simulator.
        DataError: cache or model is missing, or not that of a walking robot.
    """
    cache = open_cache(latents)
    model = load_for(folder, CPU, cache)
    if not isinstance(model, StateModel) or model.config.interval != 1:
        raise DataError(
            f"{folder}: holds no state model of every step; train one with encoder: state and "
            "train.interval: 1"
        )
    options, period = settings.section("policy", Options), float(starts.metas(cache)[0]["dt"])
    worlds = [simulator(settings) for _ in range(options.trial.episodes)]
    weights = options.imagination.weights
    returns = Returns(model.network, model.spec, weights, plan.fall, period)
    stretches = Stretches(cache, model.spec, plan.horizon)
    controllers: dict[str, Controller] = {}
    for name in names:
        planner = settings.member(PLANNERS, name).build()
        controllers[name] = Mpc(
            model, returns, planner, stretches, plan.proposals, plan.execute, options.seed
        )
    controllers["nearest"] = Nearest(stretches, plan.execute)
    controllers["random"] = baselines.Random(worlds[0], seeded(options.seed, 1))
    controllers["standing"] = baselines.standing
    trial = options.trial
    walked = {
        name: walks(worlds, controller, trial.steps, options.seed)
        for name, controller in controllers.items()
    }
    baseline = along(walked["nearest"], period)
    found = {name: measured(own, baseline, weights, period) for name, own in walked.items()}
    collected = baselines.collected(worlds[0], trial, options.seed)
    return found | {"collecting": measured(collected, None, weights, period)}


def measured(
    walked: Sequence[Walk], baseline: Tensor | None, weights: Weights, period: float
) -> Walked:
    """How a controller did; `baseline` has the distances of another from the same starts."""
    own = along(walked, period)
    gain = None if baseline is None else own - baseline
    return Walked(
        along=float(own.mean()),
        along_interval=interval(own),
        gain=None if gain is None else float(gain.mean()),
        gain_interval=None if gain is None else interval(gain),
        walking=scored(walked, weights, period),
    )


def interval(values: Tensor) -> tuple[float, float]:
    """Of the mean of values [N], 95 %."""
    low, high = mean_intervals(values).tolist()
    return low, high


def simulator(settings: Settings) -> World:
    """The chosen data set's.

    Raises:
        ParamsError: it has none.
    """
    world = settings.variant(WORLDS).build()
    if not isinstance(world, World):
        raise ParamsError(f"{settings.place(WORLDS)} cannot be restored; choose another simulator")
    return world


def along(walked: Sequence[Walk], period: float) -> Tensor:
    """Distance of each walk in the commanded direction, in the robot's own frame, m [N]."""
    distances = []
    for walk in walked:
        velocity = np.stack(walk.states)[1:, LINEAR][:, :2].astype(np.float64)
        command = walk.command[:2].numpy().astype(np.float64)
        distances.append((velocity @ command).sum() * period / np.linalg.norm(command).clip(1e-9))
    return torch.tensor(distances, dtype=torch.float64)


class Nearest:
    """What was recorded where the state and the command were most alike, with no model."""

    def __init__(self, stretches: Stretches, execute: int) -> None:
        """Take `execute` actions of each stretch."""
        self.stretches, self.execute = stretches, execute
        self._chosen: dict[int, Tensor] = {}

    def __call__(self, on: Sequence[Walk]) -> Tensor:
        """The next action [B, 12] of each."""
        taken = len(on[0].actions) % self.execute
        if not taken:
            chosen = self.stretches.nearest(on, 1)[:, 0]
            self._chosen = {id(walk): plan for walk, plan in zip(on, chosen, strict=True)}
        return torch.stack([self._chosen[id(walk)][taken] for walk in on])


def table(found: dict[str, Walked]) -> Table:
    """A row for each controller."""
    columns = ["along the command, m", "more than nearest, m", "falls", "velocity error, m/s"]
    rendered = Table("controller", *columns, "reward/s")
    for name, row in found.items():
        own = row.walking
        gain = "" if row.gain_interval is None else spread(row.gain or 0.0, row.gain_interval)
        rendered.add_row(
            name,
            spread(row.along, row.along_interval),
            gain,
            f"{own.falls:.0%} ({own.falls_interval[0]:.0%} to {own.falls_interval[1]:.0%})",
            f"{own.velocity_error:.3f}",
            f"{own.reward:.2f}",
        )
    return rendered


def spread(value: float, ends: tuple[float, float]) -> str:
    """A mean and its interval."""
    return f"{value:.2f} ({ends[0]:.2f} to {ends[1]:.2f})"
