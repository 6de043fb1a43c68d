"""States to resume from: safetensors with a checksum, written whole or not at all."""

import sys
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from pipeline import stage
from pipeline.errors import memory_ran_out, telling_full_disk

State = dict[str, Tensor]


def add_prefix(prefix: str, state: State) -> State:
    """The tensors with longer names."""
    return {f"{prefix}{name}": value for name, value in state.items()}


def with_prefix(prefix: str, state: State) -> State:
    """Those tensors whose names begin with a prefix, without it."""
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The states of one run, in a folder of its own.

    Attributes:
        folder: with `latest`, `previous` and the permanent states.
        keep_every: steps between two permanent states; None: there are none.
        damaged: files that could not be read.
    """

    folder: Path
    keep_every: int | None = None
    damaged: list[Path] = field(default_factory=list)

    @property
    def latest(self) -> Path:
        """File of the newest state."""
        return self.folder / "latest.safetensors"

    @property
    def previous(self) -> Path:
        """File of the state before the newest."""
        return self.folder / "previous.safetensors"

    def write(self, state: State, step: int) -> None:
        """Add the state after `step` steps; a kill or a full disk leaves earlier ones intact.

        Raises:
            DataError: the disk is full.
        """
        permanent = self.keep_every is not None and step % self.keep_every == 0
        path = self.folder / f"step_{step:08}.safetensors" if permanent else self.latest
        with (
            telling_full_disk(path, "the state before it is intact"),
            stage.output(path) as partial,
        ):
            save_file(state, partial, {"crc32": _checksum(state), "step": str(step)})
            # A damaged file must not replace an intact one.
            if not permanent and self.latest.exists() and self.latest not in self.damaged:
                self.latest.replace(self.previous)
        if path in self.damaged:
            self.damaged.remove(path)

    def read(self) -> State | None:
        """The newest readable state; None if there is none."""
        paths = sorted((_step(path), path) for path in self.folder.glob("*.safetensors"))
        for _, path in reversed(paths):
            state = _read(path)
            if state is not None:
                return state
            self.damaged.append(path)
        return None


def _read(path: Path) -> State | None:
    """The state in a file; None if it is damaged."""
    try:
        with safe_open(path, "pt") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            intact = file.metadata()["crc32"] == _checksum(state)
    except Exception as error:  # damaged bytes can raise anything
        if memory_ran_out(error):
            raise
        return None
    return state if intact else None


def _step(path: Path) -> int:
    """Number of steps in a file's metadata; the largest integer if it cannot be read."""
    try:
        with safe_open(path, "pt") as file:
            return int(file.metadata()["step"])
    except Exception:  # damaged bytes can raise anything
        return sys.maxsize


def _checksum(state: State) -> str:
    """CRC-32 of all tensors, in the order of their names."""
    crc = 0
    for name in sorted(state):
        crc = zlib.crc32(f"{name} {tuple(state[name].shape)}".encode(), crc)
        content: Any = state[name].contiguous().reshape(-1).view(torch.uint8).numpy()
        crc = zlib.crc32(content, crc)
    return f"{crc:08x}"
