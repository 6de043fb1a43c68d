"""DINO-WM's `wall_single` layout: tensors per data set, frames per episode, channels first.

states.pth [N, T, 2], actions.pth [N, T, 2], door_locations.pth and wall_locations.pth [N, T],
obses/episode_000.pth [T, 3, H, W] in 0..255.
"""

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import overload

import numpy as np
import torch
from torch import Tensor

from pipeline.episode import Episode
from pipeline.errors import DataError
from pipeline.params import Params


class Options(Params):
    """How models are fed from this set."""

    normalise_actions: bool


def build(options: Options) -> "WallSingle":
    """The layout's reader and writer."""
    return WallSingle(options.normalise_actions)


class WallSingle:
    """See `pipeline.datasets.Dataset`."""

    def __init__(self, normalise_actions: bool) -> None:
        """Remember how models want the actions."""
        self.normalise_actions = normalise_actions

    def write(self, episodes: Iterable[Episode], raw: Path) -> None:
        """Write episodes of equal length."""
        (raw / "obses").mkdir(parents=True)
        tables: dict[str, list[Tensor]] = {
            name: [] for name in ("states", "actions", "door_locations", "wall_locations")
        }
        for index, episode in enumerate(episodes):
            frames = torch.from_numpy(episode.frames.transpose(0, 3, 1, 2).copy())
            torch.save(frames, _frames(raw, index))
            tables["states"].append(torch.from_numpy(episode.states))
            tables["actions"].append(torch.from_numpy(episode.actions))
            for name in ("door", "wall"):
                place = torch.full((len(episode),), float(episode.meta[name]))
                tables[f"{name}_locations"].append(place)
        for name, rows in tables.items():
            torch.save(torch.stack(rows), raw / f"{name}.pth")

    def open(self, raw: Path) -> "WallEpisodes":
        """Read the tables; frames stay on disk until an episode is indexed."""
        if not raw.is_dir():
            raise DataError(f"{raw}: no such folder; run `dvc repro collect` to simulate one")
        return WallEpisodes(raw)


class WallEpisodes(Sequence[Episode]):
    """The episodes of one folder, in the order of its tables."""

    def __init__(self, raw: Path) -> None:
        """Read every table and check that they agree on the number of episodes."""
        self.raw = raw
        self.states = _load(raw / "states.pth").float()
        self.actions = _load(raw / "actions.pth").float()
        self.doors = _load(raw / "door_locations.pth").float()
        self.walls = _load(raw / "wall_locations.pth").float()
        counts = {len(t) for t in (self.states, self.actions, self.doors, self.walls)}
        if len(counts) != 1 or counts == {0}:
            raise DataError(f"{raw}: its tables hold {sorted(counts)} episodes; they must agree")

    def __len__(self) -> int:
        """Number of episodes."""
        return len(self.states)

    @overload
    def __getitem__(self, index: int) -> Episode: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Episode]: ...
    def __getitem__(self, index: int | slice) -> Episode | Sequence[Episode]:
        """One episode, or several by slice."""
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        path = _frames(self.raw, index)
        frames = _load(path)
        if frames.ndim != 4 or frames.shape[1] != 3:
            raise DataError(f"{path}: frames are {tuple(frames.shape)}, expected [T, 3, H, W]")
        return Episode(
            key=path.stem,
            frames=np.ascontiguousarray(_bytes(frames, path).numpy().transpose(0, 2, 3, 1)),
            actions=self.actions[index].numpy(),
            states=self.states[index].numpy(),
            meta={
                "door": float(self.doors[index].flatten()[0]),
                "wall": float(self.walls[index].flatten()[0]),
            },
        )


def _frames(raw: Path, index: int) -> Path:
    return raw / "obses" / f"episode_{index:03d}.pth"


def _bytes(frames: Tensor, path: Path) -> Tensor:
    """Frames as uint8; floating point frames must hold whole numbers in 0..255."""
    if frames.dtype == torch.uint8:
        return frames
    whole = frames.round().clamp(0, 255)
    if not torch.equal(whole, frames):
        raise DataError(f"{path}: frames are {frames.dtype} but not whole numbers in 0..255")
    return whole.to(torch.uint8)


def _load(path: Path) -> Tensor:
    """A tensor file, read without ever running what is pickled in it."""
    if not path.is_file():
        raise DataError(f"{path}: no such file; the wall_single layout needs it")
    try:
        with warnings.catch_warnings(action="ignore", category=UserWarning):
            value = torch.load(path, weights_only=True, map_location="cpu")
    except UnpicklingError:
        raise DataError(f"{path}: holds more than tensors; refused to unpickle it") from None
    except (RuntimeError, EOFError, ValueError) as error:
        raise DataError(f"{path}: damaged ({str(error).splitlines()[0]}); fetch it again") from None
    if not isinstance(value, Tensor):
        raise DataError(f"{path}: holds a {type(value).__name__}, expected a tensor")
    return value
