"""The processes that train together, one for each GPU: DDP, FSDP2 and collectives."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from pipeline.compute import device as devices
from pipeline.errors import ParamsError


@dataclass(frozen=True, slots=True)
class Group:
    """One process of a run and its collectives with the others.

    Attributes:
        rank: its number.
        size: number of processes.
        device: where it computes.
        strategy: whether each process holds the whole model (DDP) or a shard of it (FSDP2).
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
        """Whether each process holds only a shard of the weights."""
        return self.size > 1 and self.strategy == "fsdp"

    def shard(self, network: nn.Module) -> None:
        """Under FSDP2, keep only this process's shard of the weights, in place."""
        if self.sharded:
            from torch.distributed.fsdp import fully_shard  # takes a second

            for module in list(network.modules()):
                if isinstance(module, nn.ModuleList):
                    for layer in module:
                        fully_shard(layer)
            fully_shard(network)

    def data_parallel(self, network: nn.Module) -> nn.Module:
        """The module to call in training, whose gradients are averaged over the processes."""
        if self.size == 1 or self.strategy == "fsdp":
            return network
        ids = [self.device] if self.device.type == "cuda" else None
        wrapped = DistributedDataParallel(network, ids, gradient_as_bucket_view=True)
        wrapped.broadcast_buffers = False  # they are constants: positions and frequencies
        return wrapped

    @contextmanager
    def gradient_sync(self, network: nn.Module, enabled: bool) -> Iterator[None]:
        """Average gradients over the processes in this backward pass, or only accumulate them."""
        if self.sharded:
            from torch.distributed.fsdp import FSDPModule

            assert isinstance(network, FSDPModule)
            network.set_requires_gradient_sync(enabled)
            yield
        elif isinstance(network, DistributedDataParallel) and not enabled:
            with network.no_sync():
                yield
        else:
            yield

    def whole(self, value: Tensor) -> Tensor:
        """A value of which each process may hold a shard, as under FSDP2."""
        if not self.sharded:
            return value
        from torch.distributed.tensor import DTensor

        assert isinstance(value, DTensor)
        return value.full_tensor()

    def all_reduce_sum(self, values: Tensor) -> Tensor:
        """The sum over all processes, in place."""
        if self.size > 1:
            distributed.all_reduce(values)
        return values

    def all_reduce_max(self, number: int) -> int:
        """The largest of the processes' numbers."""
        if self.size == 1:
            return number
        largest = torch.tensor(number, device=self.device)
        distributed.all_reduce(largest, distributed.ReduceOp.MAX)
        return int(largest)

    def broadcast(self, value: Tensor) -> Tensor:
        """The first process's value, in place."""
        if self.size > 1:
            distributed.broadcast(value, 0)
        return value


def single_process(device: torch.device) -> Group:
    """A group of one process."""
    return Group(0, 1, device, "ddp")


@contextmanager
def join(strategy: Literal["ddp", "fsdp"]) -> Iterator[Group]:
    """The group that torchrun has started this process for, or this process alone.

    Raises:
        ParamsError: there are more processes than GPUs.
    """
    if not distributed.is_torchelastic_launched():
        yield single_process(devices.pick())
        return
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    device = devices.pick()
    if device.type == "cuda":
        _check_gpus(int(os.environ["LOCAL_WORLD_SIZE"]))
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Group(rank, size, device, strategy)
    finally:
        distributed.destroy_process_group()


def _check_gpus(processes: int) -> None:
    count = torch.cuda.device_count()
    if processes > count:
        raise ParamsError(
            f"distributed.processes = {processes}, but this machine has {count} GPUs, one for "
            f"each; choose at most {count}, or null for all of them"
        )
