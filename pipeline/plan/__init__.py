"""Closed-loop planning in the simulator: model predictive control on latent rollouts."""

from typing import Literal

from pydantic import Field

from pipeline.diffusion import SamplingOptions
from pipeline.errors import ParamsError
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
    recorded: int = Field(gt=0, description="at most as many episodes filmed for the report")
    seed: int = Field(ge=0)

    def check_with(self, settings: Settings) -> None:
        """Refuse budgets that no controller can keep, and sampling that the model cannot do."""
        self.sampling.check_with(settings, "plan.sampling")
        if self.budget_frames < self.goal_frames:
            raise ParamsError(
                f"{settings.path}: plan.budget_frames = {self.budget_frames}, but goals are "
                f"plan.goal_frames = {self.goal_frames} frames away, so that not even the recorded "
                f"actions reach them; choose at least {self.goal_frames}"
            )
        if self.execute > self.horizon:
            raise ParamsError(
                f"{settings.path}: plan.execute = {self.execute} frames of plans of plan.horizon = "
                f"{self.horizon}; choose at most {self.horizon}"
            )
