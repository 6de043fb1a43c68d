"""A distillation as params.yaml describes it, before its first step."""

from dataclasses import dataclass
from pathlib import Path

from pipeline import imports
from pipeline.checksum import sha256
from pipeline.denoisers import DENOISERS
from pipeline.diffusion.config import Config
from pipeline.diffusion.make import load
from pipeline.diffusion.model_folder import WEIGHTS
from pipeline.diffusion.world_model import WorldModel
from pipeline.distill import Options
from pipeline.distill.causal_ode import CausalOdeLoss, TrajectoryBatches
from pipeline.distill.consistency import ConsistencyLoss
from pipeline.distill.matching import matching
from pipeline.distill.students import begun_as, parent, require_same_objective, student_config
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
from pipeline.trajectories.clips import chosen_windows
from pipeline.trajectories.guided_steps import require_dropped
from pipeline.trajectories.store import ORIGIN, open_trajectories

ONE_LEVEL = Levels(distribution="uniform", mean=0.0, std=1.0, per="clip", prefix=0.0)
"""One number for each clip, by which it draws a step of the grid."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What a student is distilled from.

    Attributes:
        cache: of latents.
        teacher: folder of the world model.
        trajectories: folder of its trajectories; read by causal_ode alone.
    """

    cache: LatentCache
    teacher: Path
    trajectories: Path


def prepare(settings: Settings, sources: Sources, group: Group) -> tuple[WorldModel, Trainer]:
    """The student before its first step, and its trainer.

    Raises:
        DataError: a model cannot be loaded, or knows other latents than the cache's; or there are
            no trajectories of this teacher.
        ParamsError: the teacher cannot teach, or see `Batches` and `Trainer`.
    """
    options, cache = settings.section("distill", Options), sources.cache
    taught = load(sources.teacher, group.device, cache)
    require_causal(taught, f"distill.method = {options.method!r}")
    if taught.config.student is not None:
        raise ParamsError(f"{sources.teacher}: a student already; distill the model that taught it")
    training = trained_as(settings.section("train", TrainOptions), options, taught.config)
    if options.method == "causal_ode":
        return _causal_ode(options, training, sources, taught, group)
    if options.method == "consistency":
        require_dropped(taught, options.guidance, str(sources.teacher))
    every = training.windows == "every"
    whitened = cache.whitened_by(taught.spec)
    windows = Windows(whitened, "train", taught.config.frames, taught.config.interval, every=every)
    batches = Batches(windows, training, taught.objective.levels, group)
    if options.method == "dmd":
        return matching(options, training, batches, cache, sources.teacher, group)
    return _consistency(options, training, batches, sources, taught)


def _consistency(
    options: Options, training: TrainOptions, batches: Batches, sources: Sources, taught: WorldModel
) -> tuple[WorldModel, Trainer]:
    parents, begun, group = {"teacher": sha256(sources.teacher / WEIGHTS)}, taught, batches.group
    if options.init is not None:
        folder, begun = parent("init", options.init, batches.windows, sources.cache, group)
        require_causal(begun, "distill.init")
        require_same_objective("init", options.init, begun, taught)
        parents["init"] = sha256(folder / WEIGHTS)
    student = begun_as(begun, student_config(begun, options, parents), training)
    loss = ConsistencyLoss(student, taught, options.grid, options.guidance)
    trainer = Trainer(student.denoiser, loss, batches, training, group, stage="distill")
    assert trainer.ema is not None
    loss.average, loss.precision = trainer.ema.module, trainer.precision
    return student, trainer


def _causal_ode(
    options: Options, training: TrainOptions, sources: Sources, taught: WorldModel, group: Group
) -> tuple[WorldModel, Trainer]:
    digest = sources.cache.seal.digest()
    trajectories = open_trajectories(sources.trajectories, sources.teacher, digest)
    origin = trajectories.origin
    windows = chosen_windows(sources.cache, taught, origin.clips, origin.seed)
    training = training.model_copy(update={"windows": "every"})  # of the chosen ones
    batches = TrajectoryBatches(windows, training, taught.objective.levels, group, trajectories)
    config = student_config(taught, options, {"teacher": origin.teacher}, origin.levels)
    student = begun_as(taught, config, training)
    loss = CausalOdeLoss(student)
    return student, Trainer(student.denoiser, loss, batches, training, group, stage="distill")


def trained_as(train: TrainOptions, options: Options, config: Config) -> TrainOptions:
    """The options of `train` with those of `distill`, for windows of the teacher."""
    changes = {
        "frames": config.frames,
        "interval": config.interval,
        "loss": "teacher_forcing",
        "levels": ONE_LEVEL,
        "drop_actions": 0.0,
        "steps": options.steps,
        "learning_rate": options.learning_rate,
        "ema": options.ema,
        "seed": options.seed,
    }
    return train.model_copy(update=changes)


def identity(
    config: Config, options: Options, training: TrainOptions, sources: Sources
) -> tuple[str, ...]:
    """All that decides the result: parents, options, latents and code; states go by it."""
    cache = sources.cache
    texts = (part.model_dump_json() for part in (config, options, training, cache.seal))
    members = (
        DENOISERS.module(config.denoiser.name),
        OBJECTIVES.module(config.objective.name),
    )
    origin = sources.trajectories / ORIGIN
    ways = origin.read_text() if options.method == "causal_ode" else ""
    return (*texts, ways, imports.digest(["pipeline.distill.__main__", *members]))
