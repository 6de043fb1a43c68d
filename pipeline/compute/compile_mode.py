"""How networks are compiled, as options name it: the modes of torch.compile."""

from typing import Annotated, Literal

from pydantic import Field

Mode = Literal["none", "default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs"]
CAPTURING: tuple[Mode, ...] = ("reduce-overhead", "max-autotune")
"""Those that capture CUDA graphs on a GPU: launched as one, over memory that stays in place."""
TrainingPlan = Annotated[
    Mode | None, Field(description="mode of torch.compile; null is default on a GPU, else none")
]


def chosen(asked: Mode | None, *, gpu: bool) -> Mode:
    """The mode: there is a GPU's compiler wherever there is a GPU, but not always a CPU's."""
    return asked or ("default" if gpu else "none")
