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
        imagined: steps per CPU-second, all environments together, of each round.
        simulated: steps per CPU-second of each round.
        speedup: median over rounds of imagined / simulated.
    """

    bench: str
    machine: Machine
    parameters: int
    heads: int
    environments: int
    imagined: TimeStats
    simulated: TimeStats
    speedup: float


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
    options = settings.section("policy", Options)
    many = options.imagination.model_copy(update={"environments": environments})
    options = options.model_copy(update={"imagination": many})
    imagined = starts.imagined(cache, model, options, float(starts.metas(cache)[0]["dt"]))(0)
    recorded = torch.from_numpy(np.array(cache.actions))

    def imagine() -> None:
        for _ in range(IMAGINED):
            rows = torch.randint(len(recorded), (environments,), generator=imagined.generator)
            imagined.step(recorded[rows])

    variants: dict[str, Callable[[], object]] = {
        "imagined": imagine,
        "simulated": partial(_replay, world, cache),
    }
    interleaved(variants, 1, CPU)
    timings = interleaved(variants, rounds, CPU)
    rates = {
        "imagined": [IMAGINED * environments / seconds for seconds in timings["imagined"].cpu],
        "simulated": [SIMULATED / seconds for seconds in timings["simulated"].cpu],
    }
    return Results(
        bench="imagination",
        machine=describe(CPU),
        parameters=model.parameters(),
        heads=model.network.heads,
        environments=environments,
        imagined=TimeStats.of(rates["imagined"]),
        simulated=TimeStats.of(rates["simulated"]),
        speedup=speedup(rates["imagined"], rates["simulated"]),
    )


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
