"""Distillation of a world model into a student of a few denoising steps."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from pipeline.errors import ParamsError, did_you_mean
from pipeline.families import STATE, family
from pipeline.params import MODEL, Params, Settings

MODELS = ("world_model", "student")
"""What `model` in params.yaml can be."""
SAMPLER = "consistency"
"""The only sampler that goes with a student."""


class Critic(Params):
    """The model of dmd that learns what the student generates."""

    learning_rate: float = Field(gt=0)
    warmup: int = Field(ge=0, description="steps of the critic before the student's first")
    ratio: int = Field(gt=0, description="steps of the critic for one of the student")


class Options(Params):
    """How a student is distilled; all that is not named here is as `train` says."""

    method: Literal["none", "causal_ode", "consistency", "dmd"] = Field(
        description="causal_ode: regression of the world model's trajectories (Causal Forcing); "
        "consistency: causal consistency distillation (Causal Forcing++); dmd: distribution "
        "matching with self-rollout (CausVid, Self Forcing); none: skipped"
    )
    init: Path | None = Field(
        description="folder of a student that consistency or dmd goes on from; null for the world "
        "model"
    )
    real: Path | None = Field(
        description="folder of the model, best a bidirectional one, that dmd matches a student "
        "with; null for the world model"
    )
    critic: Critic
    student_steps: int = Field(gt=0, le=64, description="denoising steps that the student knows")
    grid: int = Field(gt=1, le=1000, description="steps of the teacher from pure noise to clean")
    guidance: float = Field(
        gt=0, description="of the teacher by actions, which takes train.drop_actions; 1 for none"
    )  # fmt: skip
    steps: int = Field(gt=0, description="optimiser steps; with dmd the critic's")
    learning_rate: float = Field(gt=0, description="of the student")
    ema: float = Field(gt=0, lt=1, description="decay of the averaged student, which is the result")
    seed: int = Field(ge=0)

    def check_with(self, settings: Settings) -> None:
        """Check that there are as many levels as steps, that dmd is at home, and `model` to be had.

        Raises:
            ParamsError: there are not, or it cannot.
        """
        path = settings.path
        if self.student_steps > self.grid:
            raise ParamsError(
                f"{path}: distill.student_steps = {self.student_steps} exceeds distill.grid = "
                f"{self.grid}; lower it"
            )
        if self.method == "causal_ode":
            self._check_causal_ode(path)
        processes = settings.values["distributed"]["processes"] or 1
        if self.method == "dmd" and max(processes, settings.values["train"]["accumulation"]) > 1:
            raise ParamsError(
                f"{path}: distill.method = 'dmd' trains in one process, a whole batch at a time; "
                "set distributed.processes and train.accumulation to 1"
            )
        if self.method != "none" and settings.chosen(family("encoders")) == STATE:
            raise ParamsError(
                f"{path}: distill.method = {self.method!r} shortens diffusion, of which a state "
                "model has none; set it to none, or choose another encoder"
            )
        model, sampler = settings.values[MODEL], settings.values["sampler"]
        if model not in MODELS:
            said = did_you_mean(str(model), MODELS)
            raise ParamsError(f"{path}: {MODEL} = {model!r} is unknown; {said}")
        if model == "world_model":
            return
        if self.method == "none":
            raise ParamsError(
                f"{path}: model = 'student', but distill.method = 'none' makes none; choose a "
                "method, or model: world_model"
            )
        if sampler != SAMPLER:
            raise ParamsError(
                f"{path}: sampler = {sampler!r} does not go with model = "
                f"'student'; choose sampler: {SAMPLER}"
            )
        if settings.values["rollout"]["clips"]:
            self._check_study(path, settings.values["rollout"]["study"])

    def _check_study(self, path: Path, study: Mapping[str, Any]) -> None:
        """Refuse ways to sample that do not go with a student; what one that goes on knows is its.

        Raises:
            ParamsError: there is one.
        """
        most = self.student_steps if self.init is None else max(study["steps"], default=0)
        others = [name for name in study["samplers"] if name != SAMPLER]
        more = [steps for steps in study["steps"] if steps > most]
        for key, wrong, way_out in (
            ("samplers", others, f"leave {SAMPLER} alone, or none"),
            ("steps", more, f"choose at most {most}"),
        ):
            if wrong:
                raise ParamsError(
                    f"{path}: rollout.study.{key} has {wrong[0]}, which does not go with model = "
                    f"'student'; {way_out}"
                )

    def _check_causal_ode(self, path: Path) -> None:
        if self.grid % self.student_steps:
            raise ParamsError(
                f"{path}: distill.grid = {self.grid} is no multiple of distill.student_steps = "
                f"{self.student_steps}, so trajectories have no state at each of their levels; "
                f"choose {self.grid - self.grid % self.student_steps}"
            )
        if self.init is not None:
            raise ParamsError(
                f"{path}: distill.init = {self.init}, but distill.method = 'causal_ode' begins as "
                "the world model; set it to null"
            )
