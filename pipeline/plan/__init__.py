"""Closed-loop planning in the simulator: model predictive control on latent rollouts."""

from typing import Literal

from pydantic import Field

from pipeline.diffusion import SamplingOptions
from pipeline.params import Params, Settings


class Distance(Params):
    """The cost of a plan: distance of its predicted frames to the goal, in latent space."""

    frames: Literal["last", "all"] = Field(description="which predicted frames count")
    metric: Literal["mse", "cosine"]
    base: float = Field(gt=0, description="with frames: all, frame i has weight base^i")


class Options(Params):
    """The tasks, and the MPC controller."""

    goals: int = Field(gt=0)
    goal_frames: int = Field(gt=0, description="model frames between start and goal")
    budget_frames: int = Field(gt=0, description="model frames of steps before an episode fails")
    horizon: int = Field(gt=0, description="planning horizon in model frames")
    execute: int = Field(gt=0, description="model frames of a plan executed before replanning")
    sampling: SamplingOptions
    distance: Distance
    recorded: int = Field(gt=0, description="episodes whose frames are kept for the report")
    seed: int = Field(ge=0)

    def check_with(self, settings: Settings) -> None:
        """Refuse sampling options that the world model of params.yaml cannot do."""
        self.sampling.check_with(settings, "plan.sampling")
