"""The processes that train together, one for each GPU, as one of them sees them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, distributed, nn
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.nn.parallel import DistributedDataParallel

from pipeline.compute import device
from pipeline.errors import ParamsError


@dataclass(frozen=True, slots=True)
class Group:
    """One process of a run and how it works with the others.

    Attributes:
        rank: its number.
        size: how many there are.
        device: where it computes.
        strategy: what each process holds: the whole model, or a share of it.
    """

    rank: int
    size: int
    device: torch.device
    strategy: Literal["ddp", "fsdp"]

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and prints."""
        return self.rank == 0

    @property
    def sharded(self) -> bool:
        """Whether each process holds its share of the weights alone."""
        return self.size > 1 and self.strategy == "fsdp"

    def share(self, network: nn.Module) -> None:
        """Under FSDP2, keep this process's share of the weights alone, in place."""
        if self.sharded:
            for module in list(network.modules()):
                if isinstance(module, nn.ModuleList):
                    for layer in module:
                        fully_shard(layer)
            fully_shard(network)

    def joined(self, network: nn.Module) -> nn.Module:
        """What to call in training: its gradients are averaged over the processes."""
        if self.size == 1 or self.strategy == "fsdp":
            return network
        ids = [self.device] if self.device.type == "cuda" else None
        joined = DistributedDataParallel(network, ids, gradient_as_bucket_view=True)
        joined.broadcast_buffers = False  # they are constants: positions and frequencies
        return joined

    @contextmanager
    def averaging(self, network: nn.Module, now: bool) -> Iterator[None]:
        """Average gradients over the processes after this backward pass, or only add them up."""
        if isinstance(network, FSDPModule):
            network.set_requires_gradient_sync(now)
            yield
        elif isinstance(network, DistributedDataParallel) and not now:
            with network.no_sync():
                yield
        else:
            yield

    def add_up(self, values: Tensor) -> Tensor:
        """The sum over all processes, in place."""
        if self.size > 1:
            distributed.all_reduce(values)
        return values

    def largest(self, number: int) -> int:
        """The largest of the processes' numbers."""
        if self.size == 1:
            return number
        found = torch.tensor(number, device=self.device)
        distributed.all_reduce(found, distributed.ReduceOp.MAX)
        return int(found)

    def agree(self, value: Tensor) -> Tensor:
        """What the first process says, in place."""
        if self.size > 1:
            distributed.broadcast(value, 0)
        return value


def alone(where: torch.device) -> Group:
    """A process by itself."""
    return Group(0, 1, where, "ddp")


@contextmanager
def join(strategy: Literal["ddp", "fsdp"]) -> Iterator[Group]:
    """The group that torchrun has started this process for, or this process alone.

    Raises:
        ParamsError: there are more processes than GPUs.
    """
    if not distributed.is_torchelastic_launched():
        yield alone(device.pick())
        return
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    where = device.pick()
    if where.type == "cuda":
        _check_gpus(int(os.environ["LOCAL_WORLD_SIZE"]))
        where = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(where)
    distributed.init_process_group("nccl" if where.type == "cuda" else "gloo")
    try:
        yield Group(rank, size, where, strategy)
    finally:
        distributed.destroy_process_group()


def _check_gpus(processes: int) -> None:
    count = torch.cuda.device_count()
    if processes > count:
        raise ParamsError(
            f"distributed.processes = {processes}, but this machine has {count} GPUs, one for "
            f"each; choose at most {count}, or null for all of them"
        )
