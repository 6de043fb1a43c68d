"""A folder of HDF5 files as a sequence of episodes."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.episodes.episode import Episode
from pipeline.errors import DataError
from pipeline.formats import OfficialSplit
from pipeline.formats.hdf5 import listing, masks
from pipeline.formats.hdf5.listing import WHOLE, Span
from pipeline.formats.hdf5.masks import Part
from pipeline.formats.hdf5.options import Listing
from pipeline.formats.hdf5.reading import Reading, check, read

LOOKED_AT = 5
"""Episodes of which one must hold the arrays that params.yaml names."""


@dataclass(frozen=True, slots=True)
class Hdf5Source:
    """The episodes by file, group and step; a `pipeline.formats.Source`."""

    spans: list[Span]
    reading: Reading
    split: OfficialSplit | None

    def __len__(self) -> int:
        return len(self.spans)

    def key(self, index: int) -> str:
        return self.spans[index].key

    def __getitem__(self, index: int) -> Episode:
        return read(self.spans[index], self.reading)


def open_files(raw: Path, options: Listing, reading: Reading) -> Hdf5Source:
    """List the episodes of a folder.

    Raises:
        DataError: there are none, a file is damaged, or none of the first ones holds the arrays.
    """
    by_file = options.split.valid_files if options.split else None
    held_out = set(listing.files(raw, by_file)) if by_file else set[Path]()
    paths = listing.files(raw, options.files)
    paths += [path for path in sorted(held_out) if path not in paths]
    if by_file and held_out.issuperset(paths):
        raise DataError(f"{raw}: {by_file} names every file, and none is left for training")
    several = len(paths) > 1 or options.episodes.groups == WHOLE
    spans: list[Span] = []
    parts: list[Part] = []
    for path in paths:
        prefix = path.relative_to(raw).with_suffix("").as_posix() if several else ""
        found = listing.spans(path, prefix, options.episodes)
        chosen, theirs = masks.select(path, found, options.split, options.filter)
        spans += chosen
        parts += ["val" if path in held_out else "train"] * len(chosen) if by_file else theirs
    _check_one(spans, reading)
    return Hdf5Source(spans, reading, _split(parts))


def _split(parts: list[Part]) -> OfficialSplit | None:
    if None in parts:
        return None
    return OfficialSplit(
        train=[index for index, part in enumerate(parts) if part == "train"],
        val=[index for index, part in enumerate(parts) if part == "val"],
    )


def _check_one(spans: list[Span], reading: Reading) -> None:
    """Check the arrays' names where an episode is whole: a damaged one says nothing of them."""
    errors: list[DataError] = []
    for span in spans[:LOOKED_AT]:
        try:
            return check(span, reading)
        except DataError as error:
            errors.append(error)
    raise errors[0]
