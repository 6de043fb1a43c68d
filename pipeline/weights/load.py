"""Weights from a file into a network: every key, every shape, and no NaN."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from pipeline.errors import DataError
from pipeline.weights.state_dict import differences, listed


def load_weights(network: nn.Module, state: Mapping[str, Tensor], path: Path) -> None:
    """Put a state dict in place, strictly; `path` is where an error says that it was read.

    Raises:
        DataError: keys are missing or unknown, shapes differ, or a value is not finite.
    """
    wrong = [
        *differences(network.state_dict(), state),
        *listed(
            "values that are not finite",
            [key for key, value in state.items() if not torch.isfinite(value).all()],
        ),
    ]
    if wrong:
        raise DataError(f"{path}: does not fit the network that its config describes: {wrong[0]}")
    network.load_state_dict(state)
