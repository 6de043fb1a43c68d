"""In which precision products are made, as options name it."""

from typing import Annotated, Literal

from pydantic import Field

Precision = Literal["float32", "bfloat16"]
Choice = Literal["auto", "float32", "bfloat16"]
Asked = Annotated[
    Choice,
    Field(
        description="of its products; auto is bfloat16 on a GPU that computes in it, else float32"
    ),
]
