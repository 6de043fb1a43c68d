"""robomimic's filter keys: arrays of the names of some episodes, such as mask/train."""

from pathlib import Path
from typing import Literal

from pipeline.errors import DataError
from pipeline.files.content import brief, parsing
from pipeline.files.hdf5 import Hdf5, open_hdf5
from pipeline.formats.hdf5.listing import FETCH, Span
from pipeline.formats.hdf5.options import Split

Part = Literal["train", "val"] | None


def select(
    path: Path, spans: list[Span], split: Split | None, only: str | None
) -> tuple[list[Span], list[Part]]:
    """The episodes of a file that masks name, each with its part of the split.

    Args:
        path: the file.
        spans: its episodes.
        split: masks of the training and validation episodes; None has none.
        only: mask of the episodes that are read; None reads all.

    Raises:
        DataError: a mask is missing, names what is no episode, or shares episodes with the other.
    """
    if split is not None and split.train is None:
        split = None
    if split is None and only is None:
        return spans, [None] * len(spans)
    by_name = {_name(span): span for span in spans}
    with open_hdf5(path, FETCH) as file:
        wanted = _names(file, only, by_name) if only is not None else set(by_name)
        train = _names(file, split.train or "", by_name) if split else wanted
        valid = _names(file, split.valid or "", by_name) if split else set[str]()
    if split and (shared := sorted(train & valid)):
        raise DataError(
            f"{path}: {shared[0]} is in both {split.train} and {split.valid}; take it off one"
        )
    chosen = [name for name in by_name if name in wanted & (train | valid)]
    parts: list[Part] = [
        ("train" if name in train else "val") if split else None for name in chosen
    ]
    return [by_name[name] for name in chosen], parts


def _name(span: Span) -> str:
    return span.group.rpartition("/")[2]


def _names(file: Hdf5, mask: str, known: dict[str, Span]) -> set[str]:
    """The names that a mask holds, as bytes or as text."""
    array = file.array(mask)
    place = f"{file.path}: {mask}"
    if len(array.shape) != 1 or array.dtype.kind not in "SO":
        raise DataError(f"{place} is {array.dtype} {list(array.shape)}, no names of episodes")
    names: set[str] = set()
    for row in range(array.shape[0]):
        with parsing(place, FETCH):
            name = bytes(array.rows(row, row + 1)[0]).decode()
        if name not in known:
            raise DataError(f"{place} names {brief(name)}, which is no episode; {FETCH}")
        names.add(name)
    return names
