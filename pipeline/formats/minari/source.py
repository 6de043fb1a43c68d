"""A Minari data set as a sequence of episodes."""

from dataclasses import dataclass

import numpy as np

from pipeline.episodes.episode import Episode
from pipeline.errors import DataError
from pipeline.formats._shared import pixels
from pipeline.formats._shared.hdf5_arrays import float32
from pipeline.formats.minari import spaces, storage
from pipeline.formats.minari.metadata import FETCH, Metadata
from pipeline.formats.minari.storage import Steps


@dataclass(frozen=True, slots=True)
class MinariSource:
    """Episodes by their number; a `pipeline.formats.Source`."""

    metadata: Metadata
    episodes: list[int]
    cameras: tuple[str, ...]
    states: tuple[str, ...]
    split: None = None

    def __len__(self) -> int:
        return len(self.episodes)

    def key(self, index: int) -> str:
        return f"episode_{self.episodes[index]:06d}"

    def __getitem__(self, index: int) -> Episode:
        with storage.opened(self.metadata, self.episodes[index]) as steps:
            count = self._count(steps)
            frames = [steps.frames(path, count) for path in self.cameras]
            actions = [
                spaces.vectors(space, steps.numbers(path, count), f"{steps.place}: {path}")
                for path, space in self.metadata.actions.items()
            ]
            states = [float32(steps.numbers(path, count)) for path in self.states]
        return Episode(
            self.key(index),
            pixels.side_by_side(frames, self.cameras),
            np.concatenate(actions, axis=1),
            np.concatenate([np.zeros((count, 0), np.float32), *states], axis=1),
            {},
        )

    def _count(self, steps: Steps) -> int:
        """Actions of an episode, which has one more observation.

        Raises:
            DataError: it has not.
        """
        rows = {
            path: steps.count(path)
            for path in (*self.metadata.actions, *self.cameras, *self.states)
        }
        count = rows[next(iter(self.metadata.actions))]
        expected = [rows[path] == count for path in self.metadata.actions]
        expected += [rows[path] == count + 1 for path in (*self.cameras, *self.states)]
        if not all(expected) or count < 1:
            said = ", ".join(f"{number} {path}" for path, number in rows.items())
            raise DataError(
                f"{steps.place}: holds {said}, where Minari records one more observation than "
                f"actions; {FETCH}"
            )
        return count
