"""Tables of a DINO-WM folder: one row an episode, padded to the longest."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.datasets._shared import pickles as _pickles
from pipeline.datasets._shared import tensors as _tensors
from pipeline.errors import DataError

Numbers = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of one folder by name, each [N, longest, ...], and the lengths [N] of its rows."""

    folder: Path
    arrays: Mapping[str, Numbers]
    lengths: NDArray[np.int64]

    def __len__(self) -> int:
        """Number of episodes N."""
        return len(self.lengths)

    def row(self, name: str, index: int) -> Numbers:
        """The part of an episode's row that is no padding, [T, dim] in the file's own dtype.

        Raises:
            DataError: it holds NaN or infinity.
        """
        length = int(self.lengths[index])
        values = self.arrays[name][index, :length].reshape(length, -1)
        if not np.isfinite(values).all():
            raise DataError(
                f"{self.folder / name}.pth: episode {index} has NaN or infinity within its "
                f"{length} steps; fetch it again"
            )
        return values


def read(
    folder: Path, layout: str, shapes: Mapping[str, tuple[int, ...]], lengths: str | None
) -> Tables:
    """Open the tables of a folder.

    Args:
        folder: where they lie.
        layout: the data set, for errors.
        shapes: shape of a table beyond [N, longest] by its name; -1 is any size.
        lengths: file that the lengths are published in; None if all rows are full as published.

    Raises:
        DataError: a table is missing, damaged, empty, or they contradict each other.
    """
    arrays = {name: _tensors.load(folder / f"{name}.pth", layout) for name in shapes}
    first = next(iter(shapes))
    count, longest = (*arrays[first].shape, 0, 0)[:2]
    for name, shape in shapes.items():
        found = arrays[name].shape
        path = folder / f"{name}.pth"
        if len(found) != 2 + len(shape) or any(
            size not in (-1, real) for size, real in zip(shape, found[2:], strict=True)
        ):
            sizes = ", ".join("any" if size == -1 else str(size) for size in shape)
            raise DataError(
                f"{path}: is shaped {found}, expected [episodes, steps, {sizes}]; fetch it again"
            )
        if found[:2] != (count, longest):
            raise DataError(
                f"{path}: holds {found[0]} episodes of {found[1]} steps, {first}.pth "
                f"{count} of {longest}; they must agree: fetch both again"
            )
    if count == 0 or longest == 0:
        raise DataError(f"{folder / first}.pth: holds no episodes; fetch it again")
    return Tables(folder, arrays, _lengths(folder, layout, lengths, count, longest))


def _lengths(
    folder: Path, layout: str, published: str | None, count: int, longest: int
) -> NDArray[np.int64]:
    """The lengths [N] of the episodes, from a pickled list or a tensor."""
    pickled, tensor = folder / "seq_lengths.pkl", folder / "seq_lengths.pth"
    if pickled.is_file():
        path, values = pickled, _pickles.load_plain(pickled)
    elif tensor.is_file():
        path, values = tensor, _tensors.load(tensor, layout).tolist()
    elif published is None:
        return np.full(count, longest)
    else:
        raise DataError(
            f"{folder / published}: no such file; the {layout} layout needs it to tell an "
            "episode from its padding"
        )
    if not isinstance(values, list | tuple) or len(values) != count:
        held = f"{len(values)} lengths" if isinstance(values, list | tuple) else "no list"
        raise DataError(f"{path}: holds {held} for {count} episodes; fetch it again")
    for index, length in enumerate(values):
        if not isinstance(length, int | float) or not float(length).is_integer():
            raise DataError(f"{path}: the length of episode {index} is {length!r}; fetch it again")
        if not 0 < length <= longest:
            raise DataError(
                f"{path}: episode {index} has {length} steps, but its row in the tables has "
                f"{longest}; fetch both again"
            )
    return np.array(values, np.int64)


def write(folder: Path, rows: Mapping[str, list[Numbers]], lengths: str | None) -> None:
    """Write tables, each of `rows` padded with zeros to the longest.

    Args:
        folder: where to.
        rows: an array [T, ...] for each episode, by name of the table.
        lengths: file for the lengths; None writes one only if they differ.
    """
    sizes = [len(row) for row in next(iter(rows.values()))]
    for name, parts in rows.items():
        table = np.zeros((len(parts), max(sizes), *parts[0].shape[1:]), parts[0].dtype)
        for row, part in zip(table, parts, strict=True):
            row[: len(part)] = part
        _tensors.save(folder / f"{name}.pth", table)
    if lengths == "seq_lengths.pkl":
        _pickles.save_plain(folder / lengths, sizes)
    elif lengths is not None or len(set(sizes)) > 1:
        _tensors.save(folder / "seq_lengths.pth", np.array(sizes, np.int64))
