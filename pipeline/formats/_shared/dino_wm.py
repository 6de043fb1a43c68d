"""DINO-WM's layouts (Zhou et al. 2024): tables of all episodes, one file of frames per episode."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes.episode import Episode
from pipeline.errors import DataError
from pipeline.formats import OfficialSplit, Source
from pipeline.formats._shared import tables, tensors
from pipeline.formats._shared.folder import require


class FolderSource(ABC):
    """Base of the sources; one is pickled as the path of its folder and opened again by workers."""

    split: OfficialSplit | None = None

    @abstractmethod
    def __len__(self) -> int:
        """Number of episodes."""

    @abstractmethod
    def key(self, index: int) -> str:
        """Name of an episode."""

    @abstractmethod
    def read(self, index: int) -> Episode:
        """Read one episode, 0 <= index < len(self)."""

    def __getitem__(self, index: int) -> Episode:
        """Read one episode."""
        if not 0 <= index < len(self):
            raise IndexError(f"episode {index} of {len(self)}")
        return self.read(index)


@dataclass(frozen=True, slots=True)
class TensorLayout:
    """A `pipeline.formats.WritableFormat` whose frames are tensor files.

    Attributes:
        name: of the data set that was published so.
        interval: environment steps between two frames of a model, as published.
        states: shape of a state in states.pth, flattened in an Episode; -n is n or more.
        actions: shape of an action in actions.pth.
        frames: path of an episode's frames in the folder; formatted with its index.
        channels_first: whether they are [T, 3, H, W] rather than [T, H, W, 3].
        key: an episode's name; formatted with its index.
        lengths: file of the episodes' lengths; None if all episodes are equally long.
        constants: tables [N, T] whose rows are constant; from their key in Episode.meta to the
            name of the table.
    """

    name: str
    interval: int
    states: tuple[int, ...]
    actions: tuple[int, ...]
    frames: str
    channels_first: bool = False
    key: str = "episode_{:03d}"
    lengths: str | None = None
    constants: Mapping[str, str] = field(default_factory=dict)

    def write(self, episodes: Iterable[Episode], raw: Path) -> None:
        """Write the frames of each episode as it comes, and the tables last."""
        rows: dict[str, list[NDArray[np.float32]]] = {"states": [], "actions": []}
        rows |= {table: [] for table in self.constants.values()}
        state = [max(size, -1) for size in self.states]
        for index, episode in enumerate(episodes):
            stored = episode.frames
            if self.channels_first:
                stored = stored.transpose(0, 3, 1, 2)
            tensors.save(raw / self.frames.format(index), stored)
            rows["states"].append(episode.states.reshape(len(episode), *state))
            rows["actions"].append(episode.actions.reshape(len(episode), *self.actions))
            for name, table in self.constants.items():
                rows[table].append(np.full(len(episode), episode.meta[name], np.float32))
        tables.write(raw, rows, self.lengths)

    def open(self, raw: Path) -> Source:
        """Memory-map the tables; frames stay on disk until an episode is indexed."""
        require(raw, self.name)
        return TensorSource(self, raw)


class TensorSource(FolderSource):
    """The episodes of one folder, in the order of the rows of its tables."""

    def __init__(self, layout: TensorLayout, raw: Path) -> None:
        """Memory-map every table and check that they agree."""
        self.layout, self.raw = layout, raw
        shapes = {"states": layout.states, "actions": layout.actions}
        self.tables = tables.read(raw, layout.name, shapes, layout.lengths)
        self.constants = {name: self._constant(table) for name, table in layout.constants.items()}

    def __reduce__(self) -> tuple[type["TensorSource"], tuple[TensorLayout, Path]]:
        """Pickle the folder and its layout, not the tables."""
        return TensorSource, (self.layout, self.raw)

    def __len__(self) -> int:
        """Number of episodes."""
        return len(self.tables)

    def key(self, index: int) -> str:
        """Name of an episode."""
        return self.layout.key.format(index)

    def read(self, index: int) -> Episode:
        """Read the frames of an episode, and its rows of the tables."""
        return Episode(
            key=self.key(index),
            frames=self._frames(index),
            actions=self.tables.row("actions", index).astype(np.float32),
            states=self.tables.row("states", index).astype(np.float32),
            meta={name: self._meta(name, index) for name in self.constants},
        )

    def _frames(self, index: int) -> NDArray[np.uint8]:
        path = self.raw / self.layout.frames.format(index)
        frames = tensors.load(path, self.layout.name)
        channels_first = self.layout.channels_first
        if frames.ndim != 4 or frames.shape[1 if channels_first else 3] != 3:
            expected = "[T, 3, H, W]" if channels_first else "[T, H, W, 3]"
            raise DataError(
                f"{path}: frames have shape {frames.shape}, expected {expected}; fetch it again"
            )
        length = self.tables.length(index)
        if len(frames) < length:
            raise DataError(f"{path}: holds {len(frames)} of {length} frames; fetch it again")
        pixels = tensors.to_uint8(frames[:length], path)
        return np.array(pixels.transpose(0, 2, 3, 1) if channels_first else pixels, order="C")

    def _constant(self, table: str) -> NDArray[np.float64]:
        """The first column [N] of a table [N, T] or [N, T, 1]."""
        path = self.raw / f"{table}.pth"
        values = tensors.load(path, self.layout.name)
        if values.ndim < 2 or len(values) != len(self) or values[0].size == 0:
            raise DataError(
                f"{path}: has shape {values.shape}, expected [{len(self)}, steps]; fetch it again"
            )
        return values.reshape(len(self), -1)[:, 0].astype(np.float64)

    def _meta(self, name: str, index: int) -> float:
        value = float(self.constants[name][index])
        if not np.isfinite(value):
            path = self.raw / f"{self.layout.constants[name]}.pth"
            raise DataError(f"{path}: episode {index} has {value}; fetch it again")
        return value
