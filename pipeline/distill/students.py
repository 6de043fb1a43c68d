"""Students before their first step: as their teachers, but for how they are sampled."""

from collections.abc import Sequence
from pathlib import Path

from pipeline.diffusion.config import Config, Student
from pipeline.diffusion.make import load
from pipeline.diffusion.sample import ddim_timesteps
from pipeline.diffusion.world_model import WorldModel
from pipeline.distill import Options
from pipeline.errors import DataError, ParamsError
from pipeline.files.places import from_project
from pipeline.latents.cache import LatentCache
from pipeline.latents.windows import Windows
from pipeline.train import Options as TrainOptions
from pipeline.train.distributed.group import Group


def parent(
    key: str, path: Path, windows: Windows, cache: LatentCache, group: Group
) -> tuple[Path, WorldModel]:
    """A model that params.yaml names as `distill.KEY`, and its folder.

    Raises:
        DataError: it cannot be loaded, or knows other latents than the cache's.
        ParamsError: it knows other windows.
    """
    folder = from_project(path)
    try:
        model = load(folder, group.device, cache)
    except DataError as error:
        raise DataError(f"distill.{key}: {error}") from None
    if (model.config.frames, model.config.interval) != (windows.frames, windows.interval):
        raise ParamsError(f"distill.{key} = {path}: its windows differ from the world model's")
    return folder, model


def require_same_objective(key: str, path: Path, model: WorldModel, other: WorldModel) -> None:
    """Refuse a model of `distill.KEY` that does not predict what another one does.

    Raises:
        ParamsError: it predicts something else.
    """
    ours, theirs = model.config.objective, other.config.objective
    if ours != theirs:
        raise ParamsError(
            f"distill.{key} = {path}: it predicts {ours.name}, the other {theirs.name}, or by "
            "another schedule; train both with the same objective"
        )


def begun_as(model: WorldModel, config: Config, training: TrainOptions) -> WorldModel:
    """A model of that config with the same weights, to be trained."""
    begun = WorldModel(config, model.device)
    begun.denoiser.load_state_dict(model.denoiser.state_dict())
    begun.denoiser.activation_checkpointing = training.checkpointing
    return begun


def student_config(
    begun: WorldModel,
    options: Options,
    parents: dict[str, str],
    levels: Sequence[int] | None = None,
) -> Config:
    """The config of what a student begins as, with how the student is to be sampled.

    Args:
        begun: a model trained on data, or a student.
        options: of the distillation.
        parents: SHA-256 of the weights of each model that it learns from, by its role.
        levels: that its steps start from; if not given, those of `begun`, or evenly spaced ones
            where that is no student.
    """
    if levels is None and begun.config.student is not None:
        levels = begun.config.student.levels
    if levels is None:
        levels = ddim_timesteps(options.student_steps, begun.objective.levels)[:-1].tolist()
    student = Student(method=options.method, levels=tuple(levels), parents=parents)
    return begun.config.model_copy(update={"student": student, "drop_actions": 0.0})
