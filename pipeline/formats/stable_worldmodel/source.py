"""The episodes of a set of stable-worldmodel, whichever way it is stored."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes.episode import Episode
from pipeline.errors import DataError
from pipeline.formats import OfficialSplit
from pipeline.formats._shared import discrete, hdf5_arrays, pixels
from pipeline.formats._shared.reading import Reading
from pipeline.formats.stable_worldmodel.sets import Found, by_suffix, find, opened
from pipeline.formats.stable_worldmodel.storage import Storage


def open_source(raw: Path, file: str | None, reading: Reading) -> "SwmSource":
    """Find the set of a folder and list its episodes.

    Args:
        raw: the folder.
        file: which of several sets; None where there is one.
        reading: what is read of it.

    Raises:
        DataError: there is no such set, or none, or several; it is damaged, or lacks a column.
    """
    storage = opened(raw, _chosen(raw, file))
    for name in reading.cameras:
        if not (column := storage.column(name)).is_frames:
            raise DataError(f"{raw}: {column} holds no frames; choose another camera")
    for name in (*reading.actions, *reading.states):
        if not (column := storage.column(name)).is_numbers:
            raise DataError(f"{raw}: {column} holds no numbers; choose another column")
    return SwmSource(storage, reading)


def _chosen(raw: Path, file: str | None) -> Found:
    """The set to open; a damaged file is one too, and says so when it is opened."""
    found = find(raw)
    if file is not None:
        found = [each for each in found if each.file == file] or by_suffix([raw / file])
    elif not found:
        found = by_suffix(sorted(raw.iterdir()))
    if len(found) == 1:
        return found[0]
    if there := [each.file for each in found or find(raw)]:
        said = f"holds {len(there)} sets" if file is None else f"holds no {file}"
        raise DataError(f"{raw}: {said}; name one in datasets.NAME.file: {', '.join(there)}")
    raise DataError(
        f"{raw}: holds no set of stable-worldmodel: neither an HDF5 file, nor a .lance folder, nor "
        "ep_len.npz and ep_offset.npz; set root to the folder of one"
    )


@dataclass(frozen=True, slots=True)
class SwmSource:
    """Episodes in the order of the set; a `pipeline.formats.Source`."""

    storage: Storage
    reading: Reading
    split: OfficialSplit | None = None

    def __len__(self) -> int:
        """Number of episodes."""
        return len(self.storage.lengths)

    def key(self, index: int) -> str:
        """Number of an episode."""
        return f"episode_{index:06d}"

    def __getitem__(self, index: int) -> Episode:
        """Read one episode, but for its last row: its action is none (see the format).

        Raises:
            DataError: it is damaged, or has no row but that one.
        """
        storage, reading, last = self.storage, self.reading, int(self.storage.lengths[index]) - 1
        if last < 1:
            place = storage.place(reading.actions[0], index)
            raise DataError(f"{place}: has {last + 1} steps, of which no action is known")
        cameras = [storage.frames(name, index) for name in reading.cameras]
        frames = pixels.side_by_side([frames for frames, _ in cameras], reading.cameras)[:last]
        states = [hdf5_arrays.float32(storage.numbers(name, index)) for name in reading.states]
        actions = [self._actions(name, index, last) for name in reading.actions]
        return Episode(
            key=self.key(index),
            frames=frames,
            actions=np.concatenate(actions, axis=1),
            states=np.concatenate([np.zeros((last + 1, 0), np.float32), *states], axis=1)[:last],
            meta={},
            video=cameras[0][1] if len(cameras) == 1 else None,
        )

    def _actions(self, name: str, index: int, last: int) -> NDArray[np.float32]:
        values = self.storage.numbers(name, index)[:last]
        place = self.storage.place(name, index)
        if self.reading.discrete_actions is not None:
            return discrete.one_hot(values, self.reading.discrete_actions, place)
        if values.dtype.kind in "iu" and values.shape[1] == 1:
            raise DataError(
                f"{place} is one whole number ({values.dtype}) a step; set datasets.NAME."
                "discrete_actions to how many actions there are, and models get them as one-hot"
            )
        return hdf5_arrays.float32(values)
