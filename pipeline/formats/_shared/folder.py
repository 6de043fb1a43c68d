"""Checks on the folder of a data set."""

from pathlib import Path

from pipeline.errors import DataError


def require(raw: Path, kind: str) -> None:
    """Check that the folder of a data set exists.

    Raises:
        DataError: it does not.
    """
    if not raw.is_dir():
        raise DataError(
            f"{raw}: no such folder; name one that holds a {kind} data set, "
            "or set datasets.NAME.root to one"
        )
