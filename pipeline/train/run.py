"""One training run: what is trained on what, from where it resumes, and where it is logged."""

from pathlib import Path

import torch

from pipeline import variants
from pipeline.latent_cache import LatentCache
from pipeline.latents import LatentSpec
from pipeline.params import Settings
from pipeline.train import Options
from pipeline.train.checkpoint import Checkpoint
from pipeline.train.curve import TensorBoard
from pipeline.train.fit import Trainer, train
from pipeline.train.windows import Windows
from pipeline.train.world_model import Config, Part, WorldModel
from pipeline.variants import Family


def prepare(settings: Settings, cache: LatentCache, device: torch.device) -> Trainer:
    """A trainer before its first step, as params.yaml describes it."""
    options = settings.section("train", Options)
    config = configured(settings, cache.spec)
    whitened = cache.whitened_by(config.spec)
    windows = Windows(whitened, "train", config.frames, config.interval)
    with torch.random.fork_rng():
        torch.manual_seed(options.seed)  # layers initialise from the global generator
        model = WorldModel(config, device)
    return Trainer(model, windows, options)


def configured(settings: Settings, spec: LatentSpec) -> Config:
    """The model that params.yaml describes, for the latents of a cache."""
    options = settings.section("train", Options)
    return Config(
        denoiser=part(settings, variants.DENOISERS),
        objective=part(settings, variants.OBJECTIVES),
        frames=options.frames,
        interval=options.interval or spec.interval,
        spec=_spec(spec, options),
    )


def part(settings: Settings, family: Family) -> Part:
    """The chosen member of a family, as a model's config names it."""
    chosen = settings.variant(family)
    return Part(name=chosen.name, options=chosen.options.model_dump())


def _spec(spec: LatentSpec, options: Options) -> LatentSpec:
    """How a model of a cache's latents whitens them."""
    by_scale = options.whitening == "auto" and spec.published_scale is not None
    return spec.as_published() if by_scale or options.whitening == "none" else spec


def resume_and_run(trainer: Trainer, scratch: Path, logs: Path | None) -> int:
    """Take all the steps that remain, and say how many these were.

    TensorBoard events go to a folder of `logs`, if given.
    """
    checkpoint = Checkpoint(scratch)
    trainer.resume(checkpoint)
    before = trainer.done
    board = TensorBoard(logs / scratch.name, trainer.done) if logs else None
    for done in train(trainer, checkpoint):
        if board:
            board.add(done, trainer.curve[done - 1])
    if board:
        board.close()
    return trainer.done - before
