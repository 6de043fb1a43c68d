"""Weights from a file into a network: every key, every shape, and no NaN."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from pipeline.errors import DataError

SHOWN = 3


def load_weights(network: nn.Module, state: Mapping[str, Tensor], path: Path) -> None:
    """Put a state dict in place, strictly; `path` is where an error says that it was read.

    Raises:
        DataError: keys are missing or unknown, shapes differ, or a value is not finite.
    """
    own = network.state_dict()
    wrong = [
        *_listed("missing keys", [key for key in own if key not in state]),
        *_listed("unknown keys", [key for key in state if key not in own]),
        *_listed(
            "other shapes",
            [
                f"{key} {tuple(value.shape)} not {tuple(own[key].shape)}"
                for key, value in state.items()
                if key in own and value.shape != own[key].shape
            ],
        ),
        *_listed(
            "values that are not finite",
            [key for key, value in state.items() if not torch.isfinite(value).all()],
        ),
    ]
    if wrong:
        raise DataError(f"{path}: does not fit the network that its config describes: {wrong[0]}")
    network.load_state_dict(state)


def _listed(what: str, names: Sequence[str]) -> list[str]:
    """A clause for an error, or none."""
    if not names:
        return []
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return [f"{len(names)} {what} ({', '.join(names[:SHOWN])}{more})"]
