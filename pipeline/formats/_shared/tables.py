"""Tables of a DINO-WM folder: one row per episode, padded to the longest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import DataError
from pipeline.formats._shared import pickles, tensors

Numbers = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of one folder by name, [N, longest, ...] each, and the episodes' lengths.

    A length that cannot be is the text that refuses the episode.
    """

    folder: Path
    arrays: Mapping[str, Numbers]
    lengths: Sequence[int | str]

    def __len__(self) -> int:
        """Number of episodes N."""
        return len(self.lengths)

    def length(self, index: int) -> int:
        """An episode's length T in steps.

        Raises:
            DataError: it is no number of steps that its row has.
        """
        length = self.lengths[index]
        if isinstance(length, str):
            raise DataError(length)
        return length

    def row(self, name: str, index: int) -> Numbers:
        """An episode's row without its padding, [T, dim], in the file's dtype.

        Raises:
            DataError: its length cannot be, or a value is NaN, infinite or beyond float32.
        """
        length = self.length(index)
        values = self.arrays[name][index, :length].reshape(length, -1)
        with np.errstate(over="ignore"):
            finite = np.isfinite(values.astype(np.float32)).all()
        if not finite:
            raise DataError(
                f"{self.folder / name}.pth: episode {index} has NaN or infinity within its "
                f"{length} steps; fetch it again"
            )
        return values


def read(
    folder: Path, layout: str, shapes: Mapping[str, tuple[int, ...]], lengths: str | None
) -> Tables:
    """Memory-map the tables of a folder.

    Args:
        folder: holds NAME.pth for each table.
        layout: name of the data set, for error messages.
        shapes: trailing shape of each table after [N, longest], by name; -n is n or more.
        lengths: published file of the lengths; None if rows have no padding as published.

    Raises:
        DataError: a table is missing, damaged or empty, or two contradict each other.
    """
    arrays = {name: tensors.load(folder / f"{name}.pth", layout) for name in shapes}
    first = next(iter(shapes))
    count, longest = (*arrays[first].shape, 0, 0)[:2]
    for name, shape in shapes.items():
        actual = arrays[name].shape
        path = folder / f"{name}.pth"
        if len(actual) != 2 + len(shape) or any(
            real < -size if size < 0 else real != size
            for size, real in zip(shape, actual[2:], strict=True)
        ):
            sizes = ", ".join(f"{-size} or more" if size < 0 else str(size) for size in shape)
            raise DataError(
                f"{path}: has shape {actual}, expected [episodes, steps, {sizes}]; fetch it again"
            )
        if actual[:2] != (count, longest):
            raise DataError(
                f"{path}: holds {actual[0]} episodes of {actual[1]} steps, {first}.pth "
                f"{count} of {longest}; they must agree: fetch both again"
            )
    if count == 0 or longest == 0:
        raise DataError(f"{folder / first}.pth: holds no episodes; fetch it again")
    return Tables(folder, arrays, _lengths(folder, layout, lengths, count, longest))


def _lengths(
    folder: Path, layout: str, published: str | None, count: int, longest: int
) -> list[int | str]:
    """The lengths of the N episodes, from a pickled list or a tensor, as in Tables."""
    pickled, tensor = folder / "seq_lengths.pkl", folder / "seq_lengths.pth"
    if pickled.is_file():
        path, values = pickled, pickles.load_plain(pickled)
    elif tensor.is_file():
        path, values = tensor, tensors.load(tensor, layout).tolist()
    elif published is None:
        return [longest] * count
    else:
        raise DataError(
            f"{folder / published}: no such file; the {layout} layout needs it to tell steps "
            "from padding; fetch it again"
        )
    if not isinstance(values, list | tuple) or len(values) != count:
        content = f"{len(values)} lengths" if isinstance(values, list | tuple) else "no list"
        raise DataError(f"{path}: holds {content} for {count} episodes; fetch it again")
    return [_length(path, index, length, longest) for index, length in enumerate(values)]


def _length(path: Path, index: int, length: object, longest: int) -> int | str:
    if not isinstance(length, int | float) or not float(length).is_integer():
        return f"{path}: the length of episode {index} is {length!r}; fetch it again"
    if not 0 < length <= longest:
        return (
            f"{path}: episode {index} has {length} steps, but its row in the tables has "
            f"{longest}; fetch both again"
        )
    return int(length)


def write(folder: Path, rows: Mapping[str, list[Numbers]], lengths: str | None) -> None:
    """Write tables; rows are padded with zeros to the longest episode.

    Args:
        folder: gets NAME.pth for each table.
        rows: one array [T, ...] per episode, by name of the table.
        lengths: file for the lengths; None writes seq_lengths.pth only if they differ.
    """
    sizes = [len(row) for row in next(iter(rows.values()))]
    for name, values in rows.items():
        table = np.zeros((len(values), max(sizes), *values[0].shape[1:]), values[0].dtype)
        for padded, row in zip(table, values, strict=True):
            padded[: len(row)] = row
        tensors.save(folder / f"{name}.pth", table)
    if lengths == "seq_lengths.pkl":
        pickles.save_plain(folder / lengths, sizes)
    elif lengths is not None or len(set(sizes)) > 1:
        tensors.save(folder / "seq_lengths.pth", np.array(sizes, np.int64))
