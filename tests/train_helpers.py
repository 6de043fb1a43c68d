"""Small world models and options to train with."""

import torch
from helpers import PARAMS, default

from pipeline import variants
from pipeline.latent_cache import LatentCache
from pipeline.train import Options, SamplingOptions
from pipeline.train.rollout import Sampling
from pipeline.train.world_model import Config, Part, WorldModel
from pipeline.variants import Family


def options(**changes: object) -> Options:
    return Options.model_validate({**PARAMS["train"], **changes})


def sampling(order: str = "sequential", **changes: object) -> Sampling:
    module, chosen = default(variants.SAMPLERS, order)
    options = {**PARAMS["evaluate"]["sampling"], **changes}
    return Sampling(module.build(chosen), SamplingOptions.model_validate(options))


def part(family: Family, name: str, **changes: object) -> Part:
    _, chosen = default(family, name, **changes)
    return Part(name=name, options=chosen.model_dump())


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
        denoiser=part(variants.DENOISERS, "nanowm", **network),
        objective=part(variants.OBJECTIVES, objective),
        frames=frames,
        interval=interval,
        spec=cache.spec,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return WorldModel(config, torch.device("cpu"))
