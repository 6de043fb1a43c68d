"""Where to compute."""

import torch
from torch import nn


def pick() -> torch.device:
    """The first GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def device_of(network: nn.Module) -> torch.device:
    """Where a network stands."""
    return next(network.parameters()).device
