"""The official split: which recordings train and which test, and where each test clip starts.

train_split.txt and test_split.txt hold one file name per line; entry k of
csgo_validation_start_indices.npy (int64) belongs to the k-th recording of test_split.txt in the
order of their numbers.
"""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.errors import DataError
from pipeline.files.npy import read_npy

TRAIN, TEST = "train_split.txt", "test_split.txt"
STARTS = "csgo_validation_start_indices.npy"

_NAME = re.compile(r"hdf5_dm_july2021_([1-9]\d{0,8})\.hdf5")


@dataclass(frozen=True, slots=True)
class Lists:
    """The split: numbers of the train recordings, and of the test ones with their start frame.

    `repeated` are the numbers that are listed more than once.
    """

    train: list[int]
    starts: dict[int, int]
    repeated: frozenset[int] = frozenset()

    def shuffled(self) -> "Lists":
        """The starts as the reference assigns them, by mistake.

        It shuffles the test recordings, by numpy's legacy generator with seed 42, but not their
        starts (world_model_dataset.py, `_split_trajectories_indices`, `_create_slices_exhaustive`).
        """
        test, order = list(self.starts), np.arange(len(self.starts))
        np.random.RandomState(42).shuffle(order)
        starts = dict(zip((test[index] for index in order), self.starts.values(), strict=True))
        return Lists(self.train, {number: starts[number] for number in test}, self.repeated)


def name(number: int) -> str:
    """File name of a recording."""
    return f"hdf5_dm_july2021_{number}.hdf5"


def number(name: str) -> int | None:
    """Number of a recording, None if the file name is not that of one."""
    match = _NAME.fullmatch(name)
    return int(match[1]) if match else None


def exist(folder: Path) -> bool:
    """Whether a folder has any of the three files."""
    return any((folder / file).exists() for file in (TRAIN, TEST, STARTS))


def write(folder: Path, lists: Lists) -> None:
    """Write the three files, recordings in ascending order."""
    for file, numbers in ((TRAIN, lists.train), (TEST, lists.starts)):
        (folder / file).write_text("".join(f"{name(each)}\n" for each in sorted(numbers)))
    np.save(folder / STARTS, np.array([lists.starts[each] for each in sorted(lists.starts)]))


def read(folder: Path) -> Lists:
    """Read the three files.

    Raises:
        DataError: a file is missing, damaged or contradicts another.
    """
    train, test = (_names(folder / file) for file in (TRAIN, TEST))
    times = Counter(train + test)
    repeated = frozenset(number for number, count in times.items() if count > 1)
    starts = _starts(folder / STARTS)
    if len(starts) != len(test):
        raise DataError(
            f"{folder / STARTS}: holds {len(starts)} starts for {len(test)} names in {TEST}; "
            "take both from one source"
        )
    by_number = dict(zip(test, starts, strict=True))
    return Lists(
        [each for each in sorted(set(train)) if each not in by_number], by_number, repeated
    )


def _names(path: Path) -> list[int]:
    """The numbers of a list, ascending."""
    numbers = []
    for line_number, line in enumerate(_present(path).read_text(errors="replace").splitlines(), 1):
        if line.strip():
            recording = number(line.strip())
            if recording is None:
                raise DataError(
                    f"{path}: line {line_number} is {line.strip()[:60]!r}, expected a name such as "
                    f"{name(1)}; correct it"
                )
            numbers.append(recording)
    return sorted(numbers)


def _starts(path: Path) -> list[int]:
    starts = read_npy(_present(path), "fetch it again")
    integers = starts.ndim == 1 and starts.dtype.kind in "iu"
    if not integers or (starts < 0).any():
        raise DataError(f"{path}: expected a 1-D array of integers >= 0; fetch it again")
    return [int(start) for start in starts]


def _present(path: Path) -> Path:
    if not path.is_file():
        raise DataError(f"{path}: no such file; the split needs {TRAIN}, {TEST} and {STARTS}")
    return path
