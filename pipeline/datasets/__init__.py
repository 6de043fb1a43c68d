"""Published on-disk layouts: each is written from a simulator and read back as Episodes."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from pipeline.episode import Episode


class Dataset(Protocol):
    """One layout. `datasets/NAME.py` offers `Options` and `build(options)`."""

    normalise_actions: bool
    """Whether models of this set are fed z-scored actions (statistics of the train split)."""

    def write(self, episodes: Iterable[Episode], raw: Path) -> None:
        """Write episodes in the published layout; the same episodes give the same bytes."""

    def open(self, raw: Path) -> Sequence[Episode]:
        """Open a folder; each episode is read when it is indexed.

        Raises:
            DataError: a file is missing, damaged or not of this layout.
        """
