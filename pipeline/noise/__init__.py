"""How latents are noised: how much of it at each level, and which level each frame gets."""

from typing import Literal

from pydantic import Field

from pipeline.params import Params


class Levels(Params):
    """Which noise levels training shows to the network."""

    distribution: Literal["uniform", "logit_normal"]
    mean: float = Field(description="of the normal that logit_normal squashes")
    std: float = Field(gt=0, description="of the normal that logit_normal squashes")
    per: Literal["frame", "clip"] = Field(description="what has a level of its own")
    prefix: float = Field(ge=0, le=1, description="share of clips with a clean, unscored prefix")
