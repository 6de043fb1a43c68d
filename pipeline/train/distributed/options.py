"""How one training run is spread over processes, one for each GPU."""

from typing import Literal

from pydantic import Field

from pipeline.params import Params


class Options(Params):
    """How many processes, and what each of them holds.

    The clips of a step and their noise are the same whatever their number; sums are added up in
    another order, so losses may differ in their last bits. No stage depends on it.
    """

    processes: int | None = Field(gt=0, description="null: one for every GPU, or one")
    strategy: Literal["ddp", "fsdp"] = Field(
        description="each process holds the whole model (DDP), or a share of it (FSDP2)"
    )
