"""Devices, and the precision to compute in on each."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn

from pipeline.compute import worker
from pipeline.compute.precision import Choice, Precision, resolve_precision


def pick() -> torch.device:
    """The first GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def all_devices() -> list[torch.device]:
    """The GPUs of this machine, or the CPU if there are none."""
    count = torch.cuda.device_count() if pick().type == "cuda" else 0
    return [torch.device("cuda", number) for number in range(count)] or [pick()]


def of_process() -> torch.device:
    """The device of this process for all its tasks, as loading and compiling takes long."""
    devices = all_devices()
    return devices[worker.number() % len(devices)]


def device_of(network: nn.Module) -> torch.device:
    """Device of a network's first parameter."""
    return next(network.parameters()).device


def computes_bfloat16(device: torch.device) -> bool:
    """Whether the hardware multiplies in bfloat16, rather than emulating it."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def encoding_precision(requested: Choice, device: torch.device) -> Precision:
    """Precision of encoding; `auto` is bfloat16 where it is native, on CPUs too."""
    return resolve_precision(requested, auto="bfloat16", native=computes_bfloat16(device))


def training_precision(requested: Choice, device: torch.device) -> Precision:
    """Precision of training on a device; `auto` is bfloat16 on a GPU where it is native."""
    return resolve_training_precision(
        requested, gpu=device.type == "cuda", native=computes_bfloat16(device)
    )


def resolve_training_precision(requested: Choice, *, gpu: bool, native: bool) -> Precision:
    """Precision of training; `auto` is bfloat16 on a GPU where it is native."""
    return resolve_precision(requested, auto="bfloat16" if gpu else "float32", native=native)


def report_emulation(
    stage: str, requested: Choice, precision: Precision, device: torch.device
) -> None:
    """Print that a stage computes in another precision than requested, where it does."""
    if requested not in ("auto", precision):
        print(f"{stage}: bfloat16 is emulated on this {device}; computing in float32")


def autocast(device_type: str, precision: Precision) -> AbstractContextManager[None]:
    """Autocast to bfloat16 on a type of device; nothing for float32."""
    return torch.autocast(device_type, torch.bfloat16) if precision == "bfloat16" else nullcontext()
