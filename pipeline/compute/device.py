"""Where to compute."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn

from pipeline.compute import precision
from pipeline.compute.precision import Choice, Precision


def pick() -> torch.device:
    """The first GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def every() -> list[torch.device]:
    """All that parallel work can be spread over: the GPUs, or the CPU."""
    count = torch.cuda.device_count() if pick().type == "cuda" else 0
    return [torch.device("cuda", number) for number in range(count)] or [pick()]


def device_of(network: nn.Module) -> torch.device:
    """Where a network stands."""
    return next(network.parameters()).device


def computes_bfloat16(device: torch.device) -> bool:
    """Whether products of bfloat16 are made by the hardware rather than emulated."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def in_encoding(asked: Choice, device: torch.device) -> Precision:
    """Precision of an encoder's products; `auto` is bfloat16 where it is native, CPUs too."""
    return precision.chosen(asked, auto="bfloat16", native=computes_bfloat16(device))


def in_training(asked: Choice, device: torch.device) -> Precision:
    """Precision of a training's products: see `trained_in`."""
    return trained_in(asked, gpu=device.type == "cuda", native=computes_bfloat16(device))


def trained_in(asked: Choice, *, gpu: bool, native: bool) -> Precision:
    """Precision of a training's products; `auto` is bfloat16 on a GPU where it is native."""
    return precision.chosen(asked, auto="bfloat16" if gpu else "float32", native=native)


def tell_of_emulation(stage: str, asked: Choice, found: Precision, device: torch.device) -> None:
    """Say on a line that a stage does not compute in what it was asked to, where it does not."""
    if asked not in ("auto", found):
        print(f"{stage}: bfloat16 is emulated on this {device}; computing in float32")


def products(kind: str, precision: Precision) -> AbstractContextManager[None]:
    """What to compute in on a kind of device: autocast to bfloat16, or nothing for float32."""
    return torch.autocast(kind, torch.bfloat16) if precision == "bfloat16" else nullcontext()
