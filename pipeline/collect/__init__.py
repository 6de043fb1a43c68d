"""Simulate episodes in the exact layout in which the real set is published."""

from pydantic import Field

from pipeline.params import Params


class Options(Params):
    """How much to simulate."""

    episodes: int = Field(gt=0)
    steps: int = Field(gt=1, description="frames an episode")
    seed: int = Field(ge=0)
