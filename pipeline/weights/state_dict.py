"""How a file's tensors differ from those of the network that they are meant for."""

from collections.abc import Mapping, Sequence

from torch import Tensor

SHOWN = 3


def differences(
    own: Mapping[str, Tensor], state: Mapping[str, Tensor], foreign: str = "unknown"
) -> list[str]:
    """Clauses for an error, none if every key and shape agrees.

    Args:
        own: the network's tensors.
        state: the file's.
        foreign: what keys are called that the network does not have.
    """
    return [
        *listed("missing keys", [key for key in own if key not in state]),
        *listed(f"{foreign} keys", [key for key in state if key not in own]),
        *listed(
            "other shapes",
            [
                f"{key} {tuple(value.shape)} not {tuple(own[key].shape)}"
                for key, value in state.items()
                if key in own and value.shape != own[key].shape
            ],
        ),
    ]


def listed(what: str, names: Sequence[str]) -> list[str]:
    """A clause that counts names and shows the first, or none."""
    if not names:
        return []
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return [f"{len(names)} {what} ({', '.join(names[:SHOWN])}{more})"]
