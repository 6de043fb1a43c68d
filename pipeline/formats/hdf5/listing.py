"""The episodes of HDF5 files, without a frame of them: groups, or stretches of columns."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import DataError
from pipeline.files.hdf5 import Array, Hdf5, open_hdf5
from pipeline.formats.hdf5.options import Boundaries

FETCH = "fetch it again"
WHOLE = "."


@dataclass(frozen=True, slots=True)
class Span:
    """Where an episode is.

    Attributes:
        key: its name.
        path: its file.
        group: the group that its arrays are in; WHOLE is the file itself.
        steps: the first step, and the one after the last; None where the group holds it alone.
    """

    key: str
    path: Path
    group: str
    steps: tuple[int, int] | None = None


def natural(name: str) -> list[tuple[int, str]]:
    """A sort key by which demo_10 comes after demo_9."""
    parts = re.split(r"([0-9]+)", name)
    return [(int(part), "") if part[:1].isdigit() else (0, part) for part in parts]


def files(raw: Path, pattern: str) -> list[Path]:
    """The files of a folder that a pattern names, in natural order.

    Raises:
        DataError: there are none.
    """
    found = [path for path in raw.glob(pattern) if path.is_file()]
    if not found:
        raise DataError(
            f"{raw}: no file {pattern}; set datasets.NAME.files to a pattern of the files' names"
        )
    return sorted(found, key=lambda path: natural(path.relative_to(raw).with_suffix("").as_posix()))


def spans(path: Path, prefix: str, boundaries: Boundaries) -> list[Span]:
    """The episodes of a file; their keys begin with `prefix`.

    Raises:
        DataError: there are none, or its boundaries contradict each other.
    """
    if boundaries.groups == WHOLE:
        return [Span(_word(prefix), path, WHOLE)]
    with open_hdf5(path, FETCH) as file:
        if boundaries.groups is None:
            steps = _stretches(file, boundaries)
            return [
                Span(_word(prefix, f"episode_{number:06d}"), path, WHOLE, each)
                for number, each in enumerate(steps)
            ]
        groups = sorted(_matching(file, boundaries.groups), key=natural)
        if not groups:
            here = ", ".join(file.names()[:12]) or "nothing"
            raise DataError(
                f"{path}: no group {boundaries.groups}; it holds {here}: correct "
                "datasets.NAME.episodes.groups"
            )
    fixed = len(boundaries.groups.partition("*")[0].rpartition("/")[0])
    return [Span(_word(prefix, group[fixed:]), path, group) for group in groups]


def _word(*parts: str) -> str:
    return "_".join(re.sub(r"[^\w-]+", "_", part).strip("_") for part in parts if part)


def _matching(file: Hdf5, pattern: str) -> Iterator[str]:
    """The groups whose path matches a pattern, part by part."""
    found = [""]
    for part in pattern.strip("/").split("/"):
        found = [
            f"{parent}/{name}".lstrip("/")
            for parent in found
            for name in file.names(parent or WHOLE)
            if fnmatchcase(name, part)
        ]
    return (name for name in found if file.is_group(name))


def _stretches(file: Hdf5, boundaries: Boundaries) -> list[tuple[int, int]]:
    """First step and the one after the last of each episode in flat columns."""
    if boundaries.flags:
        return _by_flags(file, boundaries.flags)
    if boundaries.index is not None:
        return _by_index(file, boundaries.index)
    lengths = boundaries.ends is None
    name = boundaries.lengths if lengths else boundaries.ends
    array = file.array(name or "")
    place, values = f"{file.path}: {array.name}", _column(file, array)
    with np.errstate(invalid="ignore"):
        whole = values.astype(np.int64)
    if values.dtype.kind == "b" or not np.array_equal(values, whole):
        raise DataError(f"{place} holds no whole numbers; {FETCH}")
    ends = (np.cumsum(whole) if lengths else whole).tolist()
    starts = [0, *ends[:-1]]
    for start, end in zip(starts, ends, strict=True):
        if end <= start:
            raise DataError(f"{place}: an episode from step {start} to {end} has none; {FETCH}")
    return list(zip(starts, ends, strict=True))


def _by_flags(file: Hdf5, names: tuple[str, ...]) -> list[tuple[int, int]]:
    """An episode ends where one of the flags is set, or with the file."""
    columns = [_column(file, file.array(name)) != 0 for name in names]
    if len({len(column) for column in columns}) > 1:
        raise DataError(f"{file.path}: {' and '.join(names)} differ in length; {FETCH}")
    last = np.logical_or.reduce(columns)
    if not last.any():
        raise DataError(
            f"{file.path}: {' and '.join(names)} mark no step as the last of an episode; set "
            "datasets.NAME.episodes to what does"
        )
    ends = (np.flatnonzero(last) + 1).tolist()
    if ends[-1] < len(last):
        ends.append(len(last))
    return list(zip([0, *ends[:-1]], ends, strict=True))


def _by_index(file: Hdf5, name: str) -> list[tuple[int, int]]:
    """An episode is a run of steps with one number, which no other run has."""
    values = _column(file, file.array(name))
    changes = np.flatnonzero(values[1:] != values[:-1]) + 1
    starts = [0, *changes.tolist()]
    _, counts = np.unique(values[starts], return_counts=True)
    if counts.max() > 1:
        raise DataError(
            f"{file.path}: {name} comes back to an episode after another one; sort the steps by it"
        )
    return list(zip(starts, [*starts[1:], len(values)], strict=True))


def _column(file: Hdf5, array: Array) -> NDArray[Any]:
    """The values of a column [N] or [N, 1] that says where episodes end."""
    one = len(array.shape) == 1 or array.shape[1:] == (1,)
    if not one or array.dtype.kind not in "biuf" or array.shape[0] == 0:
        raise DataError(
            f"{file.path}: {array.name} is {array.dtype} {list(array.shape)}, expected a number "
            "for each step or episode"
        )
    return array.rows().reshape(-1)
