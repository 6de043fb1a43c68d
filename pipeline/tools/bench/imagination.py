"""Imagined steps per CPU-second beside those of the simulator, in one run."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from pipeline.dynamics.load import load_for
from pipeline.dynamics.state_model import StateModel
from pipeline.errors import DataError, ParamsError
from pipeline.latents.cache import LatentCache, open_cache
from pipeline.params import Settings
from pipeline.policy import Options, starts
from pipeline.tools.bench.timing import TimeStats, interleaved, speedup
from pipeline.tools.machine import Machine, describe
from pipeline.worlds import WORLDS, World

CPU = torch.device("cpu")
IMAGINED = 4
"""Actions of every environment in a round."""
SIMULATED = 200
"""Actions of the simulator in a round, of recorded episodes."""


@dataclass(frozen=True, slots=True)
class Results:
    """What the bench finds.

    Attributes:
        machine: that it ran on.
        parameters: of the state model.
        heads: of the state model.
        environments: imagined at once.
        imagined: steps per CPU-second, all environments and threads together, by round.
        charged: the same where the reward charges the heads' disagreement, so that all are asked.
        simulated: steps per CPU-second by round.
        speedup: median over rounds of imagined / simulated.
        charged_speedup: median over rounds of charged / simulated.
    """

    bench: str
    machine: Machine
    parameters: int
    heads: int
    environments: int
    imagined: TimeStats
    charged: TimeStats
    simulated: TimeStats
    speedup: float
    charged_speedup: float


def simulator(settings: Settings) -> World:
    """The chosen data set's.

    Raises:
        ParamsError: it has none.
    """
    world = settings.variant(WORLDS).build()
    if not isinstance(world, World):
        raise ParamsError(f"{settings.place(WORLDS)} cannot be restored; choose another simulator")
    return world


def run(settings: Settings, latents: Path, folder: Path, environments: int, rounds: int) -> Results:
    """Time both, interleaved.

    Args:
        settings: of params.yaml: the world, and how much is imagined.
        latents: cache of recorded states.
        folder: of the state model.
        environments: imagined at once.
        rounds: of the measurement, after one to warm up.

    Raises:
        ParamsError: the data set has no simulator.
        DataError: cache or model is missing, or not that of a walking robot.
    """
    cache = open_cache(latents)
    model = load_for(folder, CPU, cache)
    world = simulator(settings)
    if not isinstance(model, StateModel):
        raise DataError(f"{folder}: holds no state model; train one with encoder: state")
    stepped = partial(_imagination, settings, cache, model, environments)
    variants: dict[str, Callable[[], object]] = {
        "imagined": stepped(0.0),
        "charged": stepped(-1.0),
        "simulated": partial(_replay, world, cache),
    }
    interleaved(variants, 1, CPU)
    timings = interleaved(variants, rounds, CPU)
    steps = dict.fromkeys(variants, IMAGINED * environments) | {"simulated": SIMULATED}
    rates = {name: [steps[name] / s for s in timings[name].cpu] for name in variants}
    return Results(
        bench="imagination",
        machine=describe(CPU),
        parameters=model.parameters(),
        heads=model.network.heads,
        environments=environments,
        imagined=TimeStats.of(rates["imagined"]),
        charged=TimeStats.of(rates["charged"]),
        simulated=TimeStats.of(rates["simulated"]),
        speedup=speedup(rates["imagined"], rates["simulated"]),
        charged_speedup=speedup(rates["charged"], rates["simulated"]),
    )


def _imagination(
    settings: Settings, cache: LatentCache, model: StateModel, count: int, uncertainty: float
) -> Callable[[], None]:
    """IMAGINED steps of environments that take recorded actions."""
    options = settings.section("policy", Options)
    weights = options.imagination.weights.model_copy(update={"uncertainty": uncertainty})
    changes = {"environments": count, "weights": weights}
    imagination = options.imagination.model_copy(update=changes)
    options = options.model_copy(update={"imagination": imagination})
    imagined = starts.imagined(cache, model, options, float(starts.metas(cache)[0]["dt"]))(0)
    recorded = torch.from_numpy(np.array(cache.actions))
    rows = torch.randint(len(recorded), (IMAGINED, count), generator=imagined.generator)
    actions = recorded[rows]

    def imagine() -> None:
        for action in actions:
            imagined.step(action)

    return imagine


def _replay(world: World, cache: LatentCache) -> None:
    """SIMULATED actions of recorded episodes in the simulator."""
    left = SIMULATED
    for number in itertools.cycle(cache.episodes("train")):
        start, episode = int(cache.starts[number]), cache.seal.episodes[number]
        world.restore(cache.states[start], episode.meta)
        for action in cache.actions[start : start + min(episode.length, left)]:
            world.step(action)
            world.snapshot()
        left -= min(episode.length, left)
        if not left:
            return
