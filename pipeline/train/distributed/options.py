"""Options of distributed training, one process for each GPU."""

from typing import Literal

from pydantic import Field

from pipeline.params import Params


class Options(Params):
    """Number of processes, and the parallelism.

    The clips of a step and their noise do not depend on it; floating-point sums are in another
    order, so losses may differ in their last bits. No stage depends on it.
    """

    processes: int | None = Field(gt=0, description="null: one per GPU, or one on a CPU")
    strategy: Literal["ddp", "fsdp"] = Field(
        description="each process holds the whole model (DDP) or a shard of it (FSDP2)"
    )
