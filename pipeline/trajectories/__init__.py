"""Trajectories of a world model, from noise to clean frames, for `distill.method: causal_ode`."""

from pydantic import Field

from pipeline.params import Params


class Options(Params):
    """Of how many clips, and how they are computed; guidance and steps are those of `distill`."""

    clips: int = Field(gt=0, description="windows of the train split; all if there are fewer")
    batch: int = Field(gt=0, description="clips that pass through the network at once")
    max_bytes: int = Field(gt=0, description="refuse to write more")
    seed: int = Field(ge=0)
