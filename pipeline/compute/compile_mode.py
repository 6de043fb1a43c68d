"""Modes of torch.compile as options name them."""

from typing import Annotated, Literal

from pydantic import Field

Mode = Literal["none", "default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs"]
CAPTURING: tuple[Mode, ...] = ("reduce-overhead", "max-autotune")
"""Modes that capture CUDA graphs on a GPU: launched as one, over memory that stays in place."""
OptionalMode = Annotated[
    Mode | None, Field(description="mode of torch.compile; null is default on a GPU, else none")
]


def resolve_compile_mode(requested: Mode | None, *, gpu: bool) -> Mode:
    """The mode; None is `default` on a GPU, and `none` on a CPU, which may lack a compiler."""
    return requested or ("default" if gpu else "none")
