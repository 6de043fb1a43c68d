"""Small world models and options to train with."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from helpers import PARAMS, default

from pipeline.denoisers import DENOISERS
from pipeline.diffusion import SamplingOptions
from pipeline.diffusion.config import Config, VariantConfig
from pipeline.diffusion.sampling import Sampling
from pipeline.diffusion.world_model import WorldModel
from pipeline.families import Family
from pipeline.latents.cache import LatentCache
from pipeline.latents.windows import Windows
from pipeline.objectives import OBJECTIVES
from pipeline.samplers import SAMPLERS
from pipeline.train import Options
from pipeline.train.data.batches import Batch
from pipeline.train.setup import trainer_of
from pipeline.train.trainer import Trainer

QUICK = {"steps": 12, "batch": 4, "save_every": 5, "warmup": 2, "interval": 2}


def options(**changes: object) -> Options:
    return Options.model_validate({**PARAMS["train"], **changes})


def sampling(order: str = "sequential", **changes: object) -> Sampling:
    module, chosen = default(SAMPLERS, order)
    options = {**PARAMS["evaluate"]["sampling"], **changes}
    return Sampling(module.build(chosen), SamplingOptions.model_validate(options))


def part(family: Family, name: str, **changes: object) -> VariantConfig:
    _, chosen = default(family, name, **changes)
    return VariantConfig(name=name, options=chosen.model_dump())


def world_model(
    cache: LatentCache,
    *,
    frames: int = 4,
    interval: int = 2,
    objective: str = "x",
    **changes: object,
) -> WorldModel:
    network = {"size": {"width": 32, "heads": 2, "depth": 2}, **changes}
    config = Config(
        denoiser=part(DENOISERS, "nanowm", **network),
        objective=part(OBJECTIVES, objective),
        frames=frames,
        interval=interval,
        spec=cache.spec,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return WorldModel(config, torch.device("cpu"))


def trainer(
    cache: LatentCache, *, objective: str = "x", injection: str = "additive", **changes: object
) -> Trainer:
    """A trainer of a small world model, quick options changed."""
    chosen = options(**{**QUICK, **changes})
    assert chosen.interval is not None
    windows = Windows(cache, "train", chosen.frames, chosen.interval)
    model = world_model(cache, objective=objective, injection=injection)
    return trainer_of(model, windows, chosen)


def run(one: Trainer, folder: Path, steps: int | None = None) -> Trainer:
    """Train to the end, or until it is killed after so many steps."""
    if steps is None:
        one.fit(folder)
    else:
        with pytest.raises(KilledError), killed_after(one, steps):
            one.fit(folder)
    return one


class KilledError(Exception):
    """In place of SIGKILL."""


@contextmanager
def killed_after(one: Trainer, steps: int) -> Iterator[None]:
    """No step is taken after so many."""
    train_step = one.train_step

    def until(batch: Batch) -> None:
        if one.step == steps:
            raise KilledError
        train_step(batch)

    one.train_step = until  # type: ignore[method-assign]
    yield


def assert_same(a: Trainer, b: Trainer) -> None:
    """Weights, EMA, moments and curves are the same, bit for bit."""
    ours, theirs = a.state_dict(), b.state_dict()
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        assert torch.equal(value, theirs[name]), name
