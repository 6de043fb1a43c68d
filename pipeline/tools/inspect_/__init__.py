"""Inspect a folder of the pipeline: its kind, its contents, and whether it is complete."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Inspection:
    """Result of inspecting a folder.

    Attributes:
        kind: data set, shards, encoder, latent cache or world model.
        facts: plain values by name, in the order to print them.
        lacks: what is missing or damaged; None if nothing is, of what was read.
        block: of params.yaml, which makes this folder a data set; None if it is none.
    """

    kind: str
    facts: dict[str, Any]
    lacks: str | None = None
    block: str | None = None


def size(path: Path) -> int:
    """Bytes of all files of a folder."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
