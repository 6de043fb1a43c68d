"""Attention kernels of a training, and what they refuse."""

from torch.nn.attention import SDPBackend

from pipeline.compute.compile_mode import CAPTURING
from pipeline.errors import ParamsError
from pipeline.train import TrainerOptions
from pipeline.train.distributed.group import Group

KERNELS = {
    "flash": [SDPBackend.FLASH_ATTENTION],
    "efficient": [SDPBackend.EFFICIENT_ATTENTION],
    "math": [SDPBackend.MATH],
    "auto": [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH],
}


def check_kernels(options: TrainerOptions, group: Group) -> None:
    """Refuse what a device or a strategy cannot do.

    Raises:
        ParamsError: the device has no such attention kernel, or FSDP2 is to be captured in CUDA
            graphs.
    """
    if options.attention == "efficient" and group.device.type == "cpu":
        raise ParamsError(
            "train.attention = 'efficient' has no kernel on a CPU; choose auto, flash or math"
        )
    if group.sharded and options.compile in CAPTURING:
        raise ParamsError(
            f"train.compile = {options.compile!r} captures CUDA graphs, but with "
            "distributed.strategy = 'fsdp' weights change their address; choose default, or ddp"
        )
