"""States of one run to resume from: safetensors with a checksum, written whole or not at all."""

import sys
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from pipeline import stage
from pipeline.errors import telling_full_disk

State = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The states that a run has left in a folder which only this run finds.

    Attributes:
        folder: where they lie: `latest`, the one before it, and those that are kept.
        keep_every: steps between two that are kept; None keeps none.
        damaged: those that could not be read.
    """

    folder: Path
    keep_every: int | None = None
    damaged: list[Path] = field(default_factory=list)

    @property
    def latest(self) -> Path:
        """The newest."""
        return self.folder / "latest.safetensors"

    @property
    def previous(self) -> Path:
        """The one before it."""
        return self.folder / "previous.safetensors"

    def write(self, state: State, step: int) -> None:
        """Add the state after `step` steps; a kill or a full disk leaves those before it.

        Raises:
            DataError: the disk is full.
        """
        kept = self.keep_every is not None and step % self.keep_every == 0
        place = self.folder / f"step_{step:08}.safetensors" if kept else self.latest
        with (
            telling_full_disk(place, "the state before it is whole"),
            stage.output(place) as partial,
        ):
            save_file(state, partial, {"crc32": _checksum(state), "step": str(step)})
            # A damaged one must not take the place of the whole one before it.
            if not kept and self.latest.exists() and self.latest not in self.damaged:
                self.latest.replace(self.previous)
        if place in self.damaged:
            self.damaged.remove(place)

    def read(self) -> State | None:
        """The newest state that can be read; None where there is none."""
        found = sorted((_step(path), path) for path in self.folder.glob("*.safetensors"))
        for _, path in reversed(found):
            state = _read(path)
            if state is not None:
                return state
            self.damaged.append(path)
        return None


def _read(path: Path) -> State | None:
    """A state, if the file is whole."""
    try:
        with safe_open(path, "pt") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            whole = file.metadata()["crc32"] == _checksum(state)
    except (SafetensorError, OSError, KeyError, TypeError):
        return None
    return state if whole else None


def _step(path: Path) -> int:
    """After how many steps a file says that it was written; any number where it cannot say."""
    try:
        with safe_open(path, "pt") as file:
            return int(file.metadata()["step"])
    except (SafetensorError, OSError, KeyError, TypeError, ValueError):
        return sys.maxsize


def _checksum(state: State) -> str:
    """CRC-32 of all tensors, in the order of their names."""
    crc = 0
    for name in sorted(state):
        crc = zlib.crc32(f"{name} {tuple(state[name].shape)}".encode(), crc)
        content: Any = state[name].contiguous().reshape(-1).view(torch.uint8).numpy()
        crc = zlib.crc32(content, crc)
    return f"{crc:08x}"
