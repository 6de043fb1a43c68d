"""Encode every frame once; cache raw latents."""

from pydantic import Field

from pipeline.params import Params


class Options(Params):
    """How frames pass through the encoder."""

    batch: int = Field(gt=0)
