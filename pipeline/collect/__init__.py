"""Collect: simulate episodes in the layout of the published data set, or point at a download."""

from pydantic import Field

from pipeline.params import Params


class Options(Params):
    """The seed of the simulation; the number of episodes is an option of the world."""

    seed: int = Field(ge=0)
