"""Closed-loop planning in the simulator: model predictive control on latent rollouts."""

from pydantic import Field

from pipeline.params import Params


class Options(Params):
    """The goals and the controller."""

    goals: int = Field(gt=0)
    goal_steps: int = Field(gt=0, description="recorded actions that lead from start to goal")
    budget_steps: int = Field(gt=0, description="environment steps that a controller may take")
    horizon: int = Field(gt=0, description="model frames that a plan looks ahead")
    execute: int = Field(gt=0, description="model frames of a plan carried out before replanning")
    sampling_steps: int = Field(gt=0, description="denoising steps a frame")
    recorded: int = Field(gt=0, description="episodes kept as frames for the report")
    seed: int = Field(ge=0)
