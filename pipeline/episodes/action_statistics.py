"""Statistics of actions, as manifests and latent caches record them."""

from collections.abc import Mapping, Sequence

STATISTICS = ("mean", "std", "min", "max")


def check_statistics(actions: Mapping[str, Sequence[float]], action_dim: int) -> None:
    """Check that each of STATISTICS has a number for every dimension of an action.

    Raises:
        ValueError: one is missing, or has another length.
    """
    for name in STATISTICS:
        if len(actions.get(name, ())) != action_dim:
            raise ValueError(f"actions.{name} must have one number for each of {action_dim}")
