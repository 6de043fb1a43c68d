"""The episodes of RLDS, each a record with the values of all its steps."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes.episode import Episode, Meta
from pipeline.errors import DataError, did_you_mean
from pipeline.formats import OfficialSplit
from pipeline.formats._shared import discrete, pixels
from pipeline.formats._shared.reading import Reading
from pipeline.formats.rlds import example, records
from pipeline.formats.rlds.records import FETCH, Record

STEPS = "steps/"
IS_LAST, IS_FIRST = "is_last", "is_first"
TASKS = ("language_instruction", "observation/natural_language_instruction")
HELD_OUT = ("val", "validation", "valid", "test")
"""Names of the splits that are for validation; the first that is there."""


@dataclass(frozen=True, slots=True)
class Steps:
    """The values of an episode's steps by feature, and how many steps there are."""

    values: dict[str, example.Values]
    length: int
    place: str

    def width(self, name: str) -> int | None:
        """How many numbers of a feature a step has; None if it holds no numbers."""
        values = self.values[name]
        if isinstance(values, list) or not self.length or len(values) % self.length:
            return None
        return len(values) // self.length

    def numbers(self, name: str) -> NDArray[np.float32] | NDArray[np.int64]:
        """A feature of numbers [T, dim]."""
        values = self._values(name)
        if isinstance(values, list) or self.width(name) is None:
            raise DataError(
                f"{self.place}: {name} does not hold as many numbers a step; choose another feature"
            )
        return values.reshape(self.length, -1)

    def frames(self, name: str) -> NDArray[np.uint8]:
        """A feature of images, uint8 [T, H, W, 3]."""
        values = self._values(name)
        if not isinstance(values, list) or len(values) != self.length:
            raise DataError(f"{self.place}: {name} is no image a step; choose another feature")
        return pixels.decode(values, self.length, f"{self.place}: {name}", FETCH)

    def _values(self, name: str) -> example.Values:
        if name not in self.values:
            known = did_you_mean(name, self.values)
            raise DataError(f"{self.place}: has no feature {name}; {known}")
        return self.values[name]


def steps(record: Record, place: str) -> Steps:
    """Read the record of an episode.

    Raises:
        DataError: it is damaged, or holds no steps.
    """
    features = example.parse(records.content(record, place), place)
    values = {n.removeprefix(STEPS): v for n, v in features.items() if n.startswith(STEPS)}
    counts = next((values[name] for name in (IS_LAST, IS_FIRST) if name in values), [])
    if not len(counts):
        raise DataError(
            f"{place}: has no {STEPS}{IS_LAST}, so that it is no episode of RLDS; leave the set out"
        )
    return Steps(values, len(counts), place)


def open_records(raw: Path, reading: Reading) -> "RldsSource":
    """List the records of all splits.

    Raises:
        DataError: there are none, a file is missing or cut short, or a feature is.
    """
    found = records.files(raw)
    if not found:
        raise DataError(f"{raw}: holds no .tfrecord files; set root to the folder that does")
    held_out = next((name for name in HELD_OUT if name in found), None)
    chosen = [name for name in ("train", held_out) if name in found] or sorted(found)
    episodes: list[Record] = []
    ends = [0]
    for name in chosen:
        records.check_shards(found[name])
        for path in found[name]:
            episodes += records.listed(path)
        ends.append(len(episodes))
    if not episodes:
        raise DataError(f"{raw}: its .tfrecord files hold no episodes; {FETCH}")
    split = None
    if held_out is not None and "train" in found:
        split = OfficialSplit(list(range(ends[1])), list(range(ends[1], ends[2])))
    return RldsSource(episodes, reading, split)


@dataclass(frozen=True, slots=True)
class RldsSource:
    """Episodes in the order of the files; a `pipeline.formats.Source`."""

    episodes: list[Record]
    reading: Reading
    split: OfficialSplit | None

    def __len__(self) -> int:
        """Number of episodes."""
        return len(self.episodes)

    def key(self, index: int) -> str:
        """Number of an episode."""
        return f"episode_{index:06d}"

    def __getitem__(self, index: int) -> Episode:
        """Read one episode, but for a last step of which no action is known (see the format).

        Raises:
            DataError: its record is damaged, or lacks a feature.
        """
        record, reading = self.episodes[index], self.reading
        place = f"{record.path}: {self.key(index)}"
        read = steps(record, place)
        last = np.asarray(read.values.get(IS_LAST, np.zeros(read.length))).astype(bool)
        end = read.length - int(last[-1])
        if not end or last[:-1].any():
            raise DataError(f"{place}: has no step but the last, or goes on after it; leave it out")
        cameras = [read.frames(name)[:end] for name in reading.cameras]
        states = [read.numbers(name)[:end] for name in reading.states]
        actions = [self._actions(read, name)[:end] for name in reading.actions]
        return Episode(
            key=self.key(index),
            frames=pixels.side_by_side(cameras, reading.cameras),
            actions=np.concatenate(actions, axis=1).astype(np.float32),
            states=np.concatenate([np.zeros((end, 0)), *states], axis=1).astype(np.float32),
            meta=_meta(read),
        )

    def _actions(self, read: Steps, name: str) -> NDArray[np.float32]:
        values, place = read.numbers(name), f"{read.place}: {name}"
        if self.reading.discrete_actions is not None:
            return discrete.one_hot(values, self.reading.discrete_actions, place)
        if values.dtype.kind == "i" and values.shape[1] == 1:
            raise DataError(
                f"{place} is one whole number a step; set datasets.NAME.discrete_actions to how "
                "many actions there are, and models get them as one-hot, or leave the feature out"
            )
        return values.astype(np.float32)


def _meta(read: Steps) -> Meta:
    """The episode's instruction, if it has one."""
    for name in TASKS:
        texts = read.values.get(name)
        if isinstance(texts, list) and texts:
            return {"task": texts[0].decode(errors="replace")}
    return {}
