"""Closed-loop planning in the simulator: model predictive control on latent rollouts."""

from typing import Literal

from pydantic import Field

from pipeline.diffusion import SamplingOptions
from pipeline.params import Params, Settings


class Distance(Params):
    """What a plan costs; see `pipeline.plan.goal_distance`."""

    frames: Literal["last", "all"] = Field(description="whose distances to the goal count")
    metric: Literal["mse", "cosine"]
    base: float = Field(gt=0, description="frame i weighs base^i, if all count")


class Options(Params):
    """The goals and the controller."""

    goals: int = Field(gt=0)
    goal_frames: int = Field(gt=0, description="model frames from start to goal, as recorded")
    budget_frames: int = Field(gt=0, description="model frames' worth of steps for a controller")
    horizon: int = Field(gt=0, description="model frames that a plan looks ahead")
    execute: int = Field(gt=0, description="model frames of a plan carried out before replanning")
    sampling: SamplingOptions
    distance: Distance
    recorded: int = Field(gt=0, description="episodes kept as frames for the report")
    seed: int = Field(ge=0)

    def check_with(self, settings: Settings) -> None:
        """See `Params.check_with`."""
        self.sampling.check_with(settings, "plan.sampling")
