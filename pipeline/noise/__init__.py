"""Noise schedules, and the noise levels that training draws."""

from typing import Literal

from pydantic import Field

from pipeline.params import Params


class Levels(Params):
    """The distribution of noise levels in training."""

    distribution: Literal["uniform", "logit_normal"]
    mean: float = Field(description="of the normal that logit_normal squashes")
    std: float = Field(gt=0, description="of the normal that logit_normal squashes")
    per: Literal["frame", "clip"] = Field(description="level drawn per frame or clip")
    prefix: float = Field(ge=0, le=1, description="share of clips with a clean, unscored prefix")
