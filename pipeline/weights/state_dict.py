"""Differences between the state dict of a file and that of a network, as clauses of an error."""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

MAX_LISTED = 3


def unwrapped(network: nn.Module) -> dict[str, Tensor]:
    """The state dict of a network under its own names, whatever it or a part of it is wrapped in.

    torch.compile puts `_orig_mod.` into the names, DataParallel and DistributedDataParallel
    `module.`.
    """
    inner = {
        f"{path}.{name}".lstrip(".")
        for path, part in network.named_modules()
        if (name := _wrapped(part))
    }

    def own(name: str) -> str:
        parts = name.split(".")
        return ".".join(
            part for end, part in enumerate(parts, 1) if ".".join(parts[:end]) not in inner
        )

    return {own(name): value for name, value in network.state_dict().items()}


def _wrapped(part: nn.Module) -> str | None:
    """The name under which a wrapper holds its network; None if it is no wrapper."""
    if isinstance(part, nn.DataParallel | nn.parallel.DistributedDataParallel):
        return "module"
    return "_orig_mod" if "_orig_mod" in part._modules else None


def differences(
    own: Mapping[str, Tensor], state: Mapping[str, Tensor], foreign: str = "unknown"
) -> list[str]:
    """Clauses of an error message, empty if all keys and shapes agree.

    Args:
        own: the network's tensors.
        state: the file's.
        foreign: adjective for keys that the network does not have.
    """
    return [
        *listed("missing keys", [key for key in own if key not in state]),
        *listed(f"{foreign} keys", [key for key in state if key not in own]),
        *listed(
            "other shapes",
            [
                f"{key} {tuple(state[key].shape)} not {tuple(value.shape)}"
                for key, value in own.items()
                if key in state and value.shape != state[key].shape
            ],
        ),
    ]


def listed(what: str, names: Sequence[str]) -> list[str]:
    """A clause with the number of names and the first of them; empty if there are none."""
    if not names:
        return []
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return [f"{len(names)} {what} ({', '.join(names[:MAX_LISTED])}{more})"]
