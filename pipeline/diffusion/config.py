"""config.json: all of a world model but its weights."""

from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator
from torch import Tensor

from pipeline.denoisers import DENOISERS, Denoiser, Size
from pipeline.errors import DataError
from pipeline.files.json_model import FileModel, read_json
from pipeline.files.skipped import SKIPPED
from pipeline.files.versioned import Format
from pipeline.latents.spec import LatentSpec
from pipeline.noise.levels import CLEAN
from pipeline.noise.process import LEVELS
from pipeline.objectives import OBJECTIVES, Objective


def _before_cameras(values: dict[str, Any]) -> dict[str, Any]:
    """A config.json of version 1: cameras conditioned no network."""
    denoiser = values["denoiser"]
    if denoiser["name"] != "nanowm":
        return values
    options = {**denoiser["options"], "camera": "none"}
    return {**values, "denoiser": {**denoiser, "options": options}}


FORMAT = Format((_before_cameras,))
"""Of config.json; a change of Config, of the options of a denoiser or an objective, or of a
LatentSpec that earlier files do not go with needs a migration."""


def refuse_skipped(folder: Path) -> None:
    """Refuse the folder of a stage that was skipped.

    Raises:
        DataError: it is one.
    """
    if (folder / SKIPPED).is_file():
        raise DataError(
            f"{folder}: its stage was skipped, as {SKIPPED} in it says; to have a student, set "
            "distill.method in params.yaml and run `dvc repro distill`"
        )


class _Kind(FileModel):
    """What tells the config.json of a state model from that of a world model."""

    state_model: dict[str, Any] | None = None


def is_of_states(path: Path, remedy: str) -> bool:
    """Whether a config.json is a state model's; raises as `read_config` does, but for that."""
    return read_json(path, _Kind, remedy).state_model is not None


def read_config(path: Path, remedy: str) -> "Config":
    """The config.json of a world model; `remedy` is the way out of a damaged one.

    Raises:
        DataError: it is missing or damaged, of a later version, or a state model's.
    """
    if is_of_states(path, remedy):
        raise DataError(
            f"{path}: a state model, which predicts vectors and no frames; evaluate it, plan with "
            "it, or load it with `nanowm.load`"
        )
    return FORMAT.read(path, Config, remedy)


class VariantConfig(FileModel):
    """The name of a family's member and its options."""

    name: str
    options: dict[str, Any]


def build_denoiser(config: VariantConfig, size: Size) -> Denoiser:
    """An untrained network, as `config` describes it.

    Raises:
        ParamsError: there is no such denoiser.
        ValidationError: its options are not those of its `Options`.
    """
    module = DENOISERS.load(config.name, DENOISERS.selector)
    return module.build(module.Options.model_validate(config.options), size)


def build_objective(config: VariantConfig) -> Objective:
    """The objective that `config` names; raises as `build_denoiser` does."""
    module = OBJECTIVES.load(config.name, OBJECTIVES.selector)
    return module.build(module.Options.model_validate(config.options))


class Student(FileModel):
    """What a few-step student was distilled from, and the only way in which it can be sampled."""

    method: str
    """A name in pipeline/distill."""
    levels: tuple[Annotated[int, Field(lt=LEVELS)], ...] = Field(min_length=1)
    """Noise levels that a frame starts from, descending: one for each denoising step."""
    parents: dict[str, str]
    """SHA-256 of the weights of each model that it learned from, by its role."""

    @model_validator(mode="after")
    def _descending(self) -> "Student":
        if any(after >= before for before, after in pairwise(self.levels)) or self.levels[-1] < 0:
            raise ValueError(f"levels {list(self.levels)} do not descend to 0 or above")
        return self

    def timesteps(self, steps: int) -> Tensor:
        """Levels int64 [steps + 1] that a frame passes through, evenly chosen, down to -1 (clean).

        The first, pure noise, is always among them.
        """
        chosen = [self.levels[number * len(self.levels) // steps] for number in range(steps)]
        return torch.tensor([*chosen, CLEAN])


class Config(FileModel):
    """All of a world model but its weights; config.json."""

    denoiser: VariantConfig
    objective: VariantConfig
    frames: int = Field(gt=1, le=2**16)
    """Length of the window."""
    interval: int = Field(gt=0, le=2**16)
    """Frame interval: environment steps between two frames of the window."""
    spec: LatentSpec
    student: Student | None = None
    """Of a few-step student; None of a model that was trained on data alone."""
    drop_actions: float = Field(0.0, ge=0, lt=1)
    """Share of clips that it was trained on without their actions; not written where it is 0."""

    @model_serializer(mode="wrap")
    def _written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = write(self)
        if not self.drop_actions:
            del values["drop_actions"]
        return values

    @property
    def size(self) -> Size:
        """Shapes that the denoiser is built for."""
        return Size(
            latent_shape=self.spec.latent_shape,
            action_dim=self.interval * self.spec.action_dim,
            frames=self.frames,
            motion_dim=self.spec.motion_dim,
        )

    @property
    def default_sampler(self) -> str:
        """The sampler that suits the model, where nobody says otherwise."""
        return "sequential" if self.student is None else "consistency"

    @property
    def default_steps(self) -> int:
        """Denoising steps per frame that suit the model, where nobody says otherwise.

        A student takes all that it knows; one that predicts clean latents is near them after a few.
        """
        if self.student is not None:
            return len(self.student.levels)
        return 4 if self.objective.name == "x" else 50
