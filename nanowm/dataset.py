"""Dataset: windows or whole episodes of ingested shards or of a latent cache, for torch."""

from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch.utils import data

from nanowm.recordings import Recordings, Values, open_recordings
from pipeline.errors import UserError
from pipeline.latents.windows import slices


class Clip(Values):
    """An item of a `Dataset`, with where it is from; torch collates those of equal length."""

    episode: str
    """Key of the episode."""
    start: int
    """Environment steps from its beginning to the first frame."""


class Dataset(data.Dataset[Clip]):
    """A map-style dataset of what `ingest` or `encode` wrote.

    Its items are windows of `frames` frames, at every start, `interval` environment steps apart; or
    whole episodes, every frame of them, where `frames` is None. A window of shards decodes its
    episode (the last one is kept), one of latents reads only what it holds: train on latents.

    It holds no frames and no open file when it is sent to worker processes.

    Attributes:
        folder: of the shards or the latents.
        interval: environment steps between two frames of an item; 1 for whole episodes.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        split: Literal["train", "val"] | None = None,
        frames: int | None = None,
        interval: int | None = None,
    ) -> None:
        """List the windows or the episodes.

        Args:
            folder: shards (`data/NAME/shards`) or a cache (`data/NAME/latents/ENCODER.zarr`).
            split: None for both.
            frames: length of a window; None for whole episodes.
            interval: environment steps from frame to frame of a window; None for the data set's.

        Raises:
            UserError: the folder is neither or damaged, there is no such split, frames or interval
                are out of range, or no episode is that long.
        """
        if split not in (None, "train", "val"):
            raise UserError(f"split = {split!r} is unknown; choose train, val, or None for both")
        self.folder = Path(folder)
        recordings = self._recordings
        self._entries = [e for e in recordings.entries if split in (None, e.split)]
        lengths = [entry.length for entry in self._entries]
        if frames is None:
            if interval is not None:
                raise UserError(f"interval = {interval} is of windows; give their `frames` too")
            self.interval = recordings.stride
            self._rows = np.array([(i, 0) for i in range(len(lengths))], np.int64).reshape(-1, 2)
        else:
            self.interval = recordings.interval if interval is None else interval
            self._rows = _windows(lengths, frames, self.interval, recordings)
        self._frames = frames

    def __len__(self) -> int:
        """Number of windows or episodes."""
        return len(self._rows)

    def __getitem__(self, index: int) -> Clip:
        """One window or episode.

        Raises:
            IndexError: there are not so many.
            DataError: the data is damaged.
        """
        number, start = (int(value) for value in self._rows[index])
        entry = self._entries[number]
        frames = self._frames or len(range(0, entry.length, self.interval))
        steps = start + np.arange(frames) * self.interval
        end = min(start + frames * self.interval, entry.length)
        clip = self._recordings.read(entry, steps, slice(start, end))
        return {**clip, "episode": entry.key, "start": start}

    def __repr__(self) -> str:
        items = "episodes" if self._frames is None else f"windows of {self._frames} frames"
        return f"Dataset of {len(self):,} {items} in {self.folder}"

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_recordings"}

    @cached_property
    def _recordings(self) -> Recordings:
        return open_recordings(self.folder)


def _windows(
    lengths: list[int], frames: int, interval: int, recordings: Recordings
) -> NDArray[np.int64]:
    """Rows (episode, start) of all windows.

    Raises:
        UserError: there are none, or the interval does not go with the latents that there are.
    """
    if frames < 1 or interval < 1:
        raise UserError(f"frames = {frames}, interval = {interval}; both are at least 1")
    if interval % recordings.stride:
        raise UserError(
            f"interval = {interval}, but one frame in {recordings.stride} has a latent; choose a "
            "multiple of that"
        )
    rows = slices(lengths, frames * interval)
    rows = rows[rows[:, 1] % recordings.stride == 0]
    if not len(rows):
        raise UserError(
            f"frames x interval = {frames} x {interval} = {frames * interval}, but the longest of "
            f"{len(lengths)} episodes has {max(lengths, default=0)} frames; lower one of them"
        )
    return rows
