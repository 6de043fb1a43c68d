"""Folders that tools write, and do not put in the place of anything else."""

from pathlib import Path

from pipeline.errors import DataError


def check_out(out: Path, mark: str, what: str) -> None:
    """Refuse to put a folder in the place of anything but what an earlier run wrote.

    Args:
        out: the folder to write.
        mark: name of a file that such a folder holds.
        what: it is, in a word.

    Raises:
        DataError: something else is there.
    """
    empty = out.is_dir() and not any(out.iterdir())
    if out.exists() and not empty and not (out / mark).is_file():
        raise DataError(f"{out}: is there already, and no {what}; name another folder")
