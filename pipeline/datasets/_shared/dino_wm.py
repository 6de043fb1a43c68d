"""DINO-WM's layouts (Zhou et al. 2024): tables for all episodes, frames in a file for each."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.datasets import OfficialSplit, Source
from pipeline.datasets._shared import tables as _tables
from pipeline.datasets._shared import tensors as _tensors
from pipeline.datasets._shared.folder import require
from pipeline.episodes.episode import Episode
from pipeline.errors import DataError


class Episodes(ABC):
    """Base of the sources: pickled as the path of its folder, which is opened again elsewhere."""

    split: OfficialSplit | None = None

    @abstractmethod
    def __len__(self) -> int:
        """Number of episodes."""

    @abstractmethod
    def key(self, index: int) -> str:
        """Name of an episode."""

    @abstractmethod
    def read(self, index: int) -> Episode:
        """Read an episode that is there."""

    def __getitem__(self, index: int) -> Episode:
        """Read one episode."""
        if not 0 <= index < len(self):
            raise IndexError(f"episode {index} of {len(self)}")
        return self.read(index)


@dataclass(frozen=True, slots=True)
class TensorLayout:
    """A layout whose frames are tensors; see `pipeline.datasets.Dataset`.

    Attributes:
        name: of the data set in params.yaml.
        interval: environment steps from one frame of a model to the next, as published.
        states: shape of a state in states.pth, flattened in an Episode; -1 is any size.
        actions: shape of an action in actions.pth.
        frames: where an episode's frames lie; formatted with its number.
        channels_first: whether they are [T, 3, H, W] and not [T, H, W, 3].
        key: an episode's name; formatted with its number.
        lengths: the file of the episodes' lengths; None if all are as long as the tables.
        constants: tables [N, T] of what is constant in an episode, by their names in its meta.
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
        """Write frames as they come, and the tables at the end."""
        rows: dict[str, list[NDArray[np.float32]]] = {"states": [], "actions": []}
        rows |= {table: [] for table in self.constants.values()}
        for index, episode in enumerate(episodes):
            frames = episode.frames
            stored = frames.transpose(0, 3, 1, 2) if self.channels_first else frames
            _tensors.save(raw / self.frames.format(index), stored)
            rows["states"].append(episode.states.reshape(len(episode), *self.states))
            rows["actions"].append(episode.actions.reshape(len(episode), *self.actions))
            for name, table in self.constants.items():
                rows[table].append(np.full(len(episode), episode.meta[name], np.float32))
        _tables.write(raw, rows, self.lengths)

    def open(self, raw: Path) -> Source:
        """Map the tables; frames stay on disk until an episode is indexed."""
        require(raw, self.name)
        return TensorEpisodes(self, raw)


def deformable(name: str) -> TensorLayout:
    """The layout of rope and granular: a state of many particles, a folder for each episode."""
    return TensorLayout(
        name=name,
        interval=1,
        states=(-1, 4),
        actions=(4,),
        frames="{:06d}/obses.pth",
        key="episode_{:06d}",
    )


class TensorEpisodes(Episodes):
    """The episodes of one folder, in the order of its tables."""

    def __init__(self, layout: TensorLayout, raw: Path) -> None:
        """Map every table and check that they agree."""
        self.layout, self.raw = layout, raw
        shapes = {"states": layout.states, "actions": layout.actions}
        self.tables = _tables.read(raw, layout.name, shapes, layout.lengths)
        self.constants = {name: self._constant(table) for name, table in layout.constants.items()}

    def __reduce__(self) -> tuple[type["TensorEpisodes"], tuple[TensorLayout, Path]]:
        """Pickle what is opened, not its tables."""
        return TensorEpisodes, (self.layout, self.raw)

    def __len__(self) -> int:
        """Number of episodes."""
        return len(self.tables)

    def key(self, index: int) -> str:
        """Name of an episode."""
        return self.layout.key.format(index)

    def read(self, index: int) -> Episode:
        """Read the frames and the rows of an episode."""
        return Episode(
            key=self.key(index),
            frames=self._frames(index),
            actions=self.tables.row("actions", index).astype(np.float32),
            states=self.tables.row("states", index).astype(np.float32),
            meta={name: float(values[index]) for name, values in self.constants.items()},
        )

    def _frames(self, index: int) -> NDArray[np.uint8]:
        path = self.raw / self.layout.frames.format(index)
        frames = _tensors.load(path, self.layout.name)
        first = self.layout.channels_first
        if frames.ndim != 4 or frames.shape[1 if first else 3] != 3:
            expected = "[T, 3, H, W]" if first else "[T, H, W, 3]"
            raise DataError(
                f"{path}: frames are shaped {frames.shape}, expected {expected}; fetch it again"
            )
        length = int(self.tables.lengths[index])
        if len(frames) < length:
            raise DataError(f"{path}: holds {len(frames)} of {length} frames; fetch it again")
        valid = _tensors.pixels(frames[:length], path)
        return np.array(valid.transpose(0, 2, 3, 1) if first else valid, order="C")

    def _constant(self, table: str) -> NDArray[np.float64]:
        """First value of each row of a table [N, T] or [N, T, 1]."""
        path = self.raw / f"{table}.pth"
        values = _tensors.load(path, self.layout.name)
        if values.ndim < 2 or len(values) != len(self) or values[0].size == 0:
            raise DataError(
                f"{path}: is shaped {values.shape}, expected [{len(self)}, steps]; fetch it again"
            )
        constants = values.reshape(len(self), -1)[:, 0].astype(np.float64)
        if not np.isfinite(constants).all():
            bad = int(np.flatnonzero(~np.isfinite(constants))[0])
            raise DataError(f"{path}: episode {bad} has {constants[bad]}; fetch it again")
        return constants
