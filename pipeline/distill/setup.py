"""A distillation as params.yaml describes it, before its first step."""

from pathlib import Path

from pipeline import imports
from pipeline.checksum import sha256
from pipeline.denoisers import DENOISERS
from pipeline.diffusion.config import Config
from pipeline.diffusion.make import load
from pipeline.diffusion.world_model import WEIGHTS, WorldModel
from pipeline.distill import Options
from pipeline.distill.consistency import ConsistencyLoss
from pipeline.distill.matching import matching
from pipeline.distill.students import begun_as, student_config
from pipeline.errors import ParamsError
from pipeline.latents.cache import LatentCache
from pipeline.latents.windows import Windows
from pipeline.noise import Levels
from pipeline.objectives import OBJECTIVES
from pipeline.params import Settings
from pipeline.train import Options as TrainOptions
from pipeline.train.data.batches import Batches
from pipeline.train.distributed.group import Group
from pipeline.train.losses.teacher_forcing import require_causal
from pipeline.train.trainer import Trainer

ONE_LEVEL = Levels(distribution="uniform", mean=0.0, std=1.0, per="clip", prefix=0.0)
"""One number for each clip, by which it draws a step of the grid."""


def prepare(
    settings: Settings, cache: LatentCache, teacher: Path, group: Group
) -> tuple[WorldModel, Trainer]:
    """The student, which begins as its teacher, and its trainer.

    Raises:
        DataError: a model cannot be loaded, or knows other latents than the cache's.
        ParamsError: the teacher cannot teach, or see `Batches` and `Trainer`.
    """
    options = settings.section("distill", Options)
    taught = load(teacher, group.device, cache)
    require_causal(taught, f"distill.method = {options.method!r}")
    if taught.config.student is not None:
        raise ParamsError(f"{teacher}: a student already; distill the model that taught it")
    training = trained_as(settings.section("train", TrainOptions), options, taught.config)
    every = training.windows == "every"
    whitened = cache.whitened_by(taught.spec)
    windows = Windows(whitened, "train", taught.config.frames, taught.config.interval, every=every)
    batches = Batches(windows, training, taught.objective.levels, group)
    if options.method == "dmd":
        return matching(options, training, batches, cache, teacher, group)
    config = student_config(taught, options, {"teacher": sha256(teacher / WEIGHTS)})
    student = begun_as(taught, config, training)
    loss = ConsistencyLoss(student, taught, options.grid, options.guidance)
    trainer = Trainer(student.denoiser, loss, batches, training, group, stage="distill")
    assert trainer.ema is not None
    loss.average, loss.precision = trainer.ema.module, trainer.precision
    return student, trainer


def trained_as(train: TrainOptions, options: Options, config: Config) -> TrainOptions:
    """The options of `train` with those of `distill`, for windows of the teacher."""
    changes = {
        "frames": config.frames,
        "interval": config.interval,
        "loss": "teacher_forcing",
        "levels": ONE_LEVEL,
        "steps": options.steps,
        "learning_rate": options.learning_rate,
        "ema": options.ema,
        "seed": options.seed,
    }
    return train.model_copy(update=changes)


def identity(
    config: Config, options: Options, training: TrainOptions, cache: LatentCache
) -> tuple[str, ...]:
    """All that decides the result: teacher, options, latents and code; states go by it."""
    texts = (part.model_dump_json() for part in (config, options, training, cache.seal))
    members = (
        DENOISERS.module(config.denoiser.name),
        OBJECTIVES.module(config.objective.name),
    )
    return (*texts, imports.digest(["pipeline.distill.__main__", *members]))
