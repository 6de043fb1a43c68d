"""Closed-loop planning in the simulator: model predictive control on latent rollouts."""

from typing import Literal

from pydantic import Field, model_validator

from pipeline.diffusion import SamplingOptions
from pipeline.errors import ParamsError
from pipeline.params import Params, Settings


class Goals(Params):
    """Where the tasks come from."""

    count: int = Field(gt=0)
    source: Literal["dataset", "random"] = Field(
        description="dataset: a state that recorded actions lead to; random: any state of the world"
    )
    frames: tuple[int, int] = Field(
        description="least and most model frames between start and goal, of source dataset"
    )
    detour: bool | None = Field(
        description="in worlds with obstacles, true: only goals to which the straight line is "
        "blocked; false: none of them; null: any"
    )

    @model_validator(mode="after")
    def _in_order(self) -> "Goals":
        low, high = self.frames
        if not 0 < low <= high:
            raise ValueError(f"frames = [{low}, {high}] must be [least, most] with 1 <= least")
        return self


class Distance(Params):
    """The cost of a plan: distance of its predicted frames to the goal."""

    frames: Literal["last", "all", "min"] = Field(
        description="which predicted frames count; min: the one that comes closest to the goal"
    )
    metric: Literal["mse", "cosine", "sobolev", "pixels", "readout"] = Field(
        description="of latents (mse, cosine, or sobolev, which feels what is far apart), of "
        "decoded pixels, or of the coordinates that the probe reads from latents, which was fitted "
        "on recorded states"
    )
    base: float = Field(gt=0, description="with frames: all, frame i has weight base^i")
    blur: float = Field(ge=0, description="std in pixels of the blur of metric pixels; 0 for none")


class Proposals(Params):
    """Action sequences among the planner's first candidates, beside its random ones."""

    nearest: int = Field(
        ge=0, description="recorded stretches that begin near the current frame and pass the goal"
    )
    inverse: int = Field(
        ge=0, description="sequences of the probe's inverse model, for so many numbers of frames"
    )


class Options(Params):
    """The tasks, and the MPC controller."""

    goals: Goals
    budget_frames: int = Field(gt=0, description="model frames of steps before an episode fails")
    success: Literal["step", "chunk", "end"] = Field(
        description="when the goal must be reached: after any step, after an executed chunk of a "
        "plan, or at the end of the budget"
    )
    max_trivial: float = Field(
        ge=0, le=1, description="share of goals that no-op, random or straight may reach at most"
    )
    horizon: int = Field(gt=0, description="planning horizon in model frames")
    context: int = Field(gt=0, description="frames that the model sees of what has happened")
    execute: int = Field(gt=0, description="model frames of a plan executed before replanning")
    sampling: SamplingOptions
    distance: Distance
    proposals: Proposals
    accept: float = Field(
        ge=0,
        description="a proposal, or else the rest of the last plan, that costs at most this share "
        "of what two training frames cost on average, in the world model or in the simulator by "
        "the same cost, is executed without a search; 0: always search; with metric sobolev, what "
        "mse costs",
    )
    simulator: list[Literal["state", "pixels", "latent"]] = Field(
        description="costs under which the planner also plans with the simulator as its model"
    )
    batch: int = Field(gt=0, description="candidates that are rolled out at a time")
    recorded: int = Field(gt=0, description="at most as many episodes filmed for the report")
    seed: int = Field(ge=0)

    def check_with(self, settings: Settings) -> None:
        """Refuse budgets that no controller can keep, and sampling that the model cannot do."""
        self.sampling.check_with(settings, "plan.sampling")
        if self.goals.source == "dataset" and self.budget_frames < self.goals.frames[1]:
            raise ParamsError(
                f"{settings.path}: plan.budget_frames = {self.budget_frames}, but goals are up to "
                f"plan.goals.frames = {self.goals.frames[1]} frames away, so that not even the "
                f"recorded actions reach them; choose at least {self.goals.frames[1]}"
            )
        if self.execute > self.horizon:
            raise ParamsError(
                f"{settings.path}: plan.execute = {self.execute} frames of plans of plan.horizon = "
                f"{self.horizon}; choose at most {self.horizon}"
            )
        window: int = settings.values["train"]["frames"]
        if self.context >= window:
            raise ParamsError(
                f"{settings.path}: plan.context = {self.context} frames leave none to predict in "
                f"windows of train.frames = {window}; choose at most {window - 1}"
            )
