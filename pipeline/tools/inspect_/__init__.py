"""What lies at a path: its kind, what it holds, and whether it is whole."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Found:
    """What lies at a path.

    Attributes:
        kind: data set, shards, encoder, latent cache or world model.
        facts: plain values by name, in the order to show them.
        lacks: what keeps it from being whole; None if nothing that was looked at does.
    """

    kind: str
    facts: dict[str, Any]
    lacks: str | None = None


def size(path: Path) -> int:
    """Bytes of all files of a folder."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
