"""Encode every frame once; cache raw latents."""

from pydantic import Field

from pipeline.params import Params


class Options(Params):
    """How frames pass through the encoder."""

    batch: int = Field(gt=0)
    max_bytes: int = Field(gt=0, description="refuse to write more than so much")
