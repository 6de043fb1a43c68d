"""Strict loading of weights: every key, every shape, and no NaN."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from pipeline.errors import DataError
from pipeline.weights.state_dict import differences, listed


def load_weights(network: nn.Module, state: Mapping[str, Tensor], path: Path) -> None:
    """Load a state dict strictly; `path` is the file that errors name.

    Raises:
        DataError: keys are missing or unexpected, shapes differ, or a value is not finite.
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
