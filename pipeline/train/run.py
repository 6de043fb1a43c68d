"""One training run: what is trained on what, from where it resumes, and where it is logged."""

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from pipeline import tracking, variants
from pipeline.latent_cache import LatentCache
from pipeline.latents import LatentSpec
from pipeline.params import Settings
from pipeline.train import Options, trackers
from pipeline.train.checkpoint import Checkpoint
from pipeline.train.fit import Trainer, train
from pipeline.train.meter import Meter, Work, peak_of
from pipeline.train.validation import Look, Validation
from pipeline.train.watch import Watch
from pipeline.train.windows import Windows
from pipeline.train.world_model import Config, Part, WorldModel


def prepare(settings: Settings, cache: LatentCache, device: torch.device) -> Trainer:
    """A trainer before its first step, as params.yaml describes it."""
    options = settings.section("train", Options)
    interval = options.interval or cache.spec.interval
    spec = _spec(cache.spec, options)
    windows = Windows(cache.whitened_by(spec), "train", options.frames, interval)
    denoiser = settings.variant(variants.DENOISERS)
    objective = settings.variant(variants.OBJECTIVES)
    config = Config(
        denoiser=Part(name=denoiser.name, options=denoiser.options.model_dump()),
        objective=Part(name=objective.name, options=objective.options.model_dump()),
        frames=options.frames,
        interval=interval,
        spec=spec,
    )
    with torch.random.fork_rng():
        torch.manual_seed(options.seed)  # layers initialise from the global generator
        model = WorldModel(config, device)
    return Trainer(model, windows, options)


def _spec(spec: LatentSpec, options: Options) -> LatentSpec:
    """How a model of a cache's latents whitens them."""
    by_scale = options.whitening == "auto" and spec.published_scale is not None
    return spec.as_published() if by_scale or options.whitening == "none" else spec


@dataclass(frozen=True, slots=True)
class Shown:
    """What a run leaves behind besides its model and its curve.

    Attributes:
        steps: how many were taken.
        looks: rows of `Validation`.
        last: the look at the model that is kept.
        measured: speed and memory.
    """

    steps: int
    looks: Tensor
    last: Look
    measured: dict[str, float]


def resume_and_run(
    trainer: Trainer,
    validation: Validation,
    told: tracking.Options,
    scratch: Path,
    logs: Path | None,
) -> Shown:
    """Take all the steps that remain; trackers write to a folder of `logs`, if given."""
    model, options, checkpoint = trainer.model, trainer.options, Checkpoint(scratch)
    trainer.resume(checkpoint)
    before, validation.rows = trainer.done, trainer.looks
    config = {"model": model.config.model_dump(), "train": options.model_dump()}
    following = (
        trackers.start(told, logs, scratch, before, config) if logs else trackers.Trackers([])
    )
    tokens = options.frames * math.prod(model.denoiser.grid)
    work = Work(tokens, 6.0 * model.parameters() * tokens)  # hook: cost.py counts it
    meter = Meter(work, model.device, peak_of(model.device, torch.float32, processes=1))
    watch = Watch(following, told.every, meter, validation)
    trainer.waiting = meter.waiting

    def after() -> None:
        watch.after(trainer.done, trainer.curve, model, options)
        trainer.looks = validation.rows

    for _ in train(trainer, checkpoint, after):
        pass
    following.close()
    assert watch.last is not None
    return Shown(trainer.done - before, validation.rows, watch.last, meter.total())
