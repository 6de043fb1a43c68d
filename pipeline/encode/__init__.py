"""Encode every frame once; cache raw latents."""

from typing import Literal

from pydantic import Field

from pipeline.params import Params


class Execution(Params):
    """How an encoder computes."""

    precision: Literal["auto", "float32", "bfloat16"] = Field(
        description="of its products; auto is bfloat16 on a GPU that computes in it, else float32"
    )
    compile: bool | None = Field(description="by torch.compile; null does so on a GPU alone")


class Options(Execution):
    """How frames pass through the encoder."""

    batch: int = Field(gt=0)
    max_bytes: int = Field(gt=0, description="refuse to write more than so much")
