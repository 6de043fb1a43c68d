"""Where to compute."""

import torch
from torch import nn


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
