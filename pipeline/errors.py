"""Errors that are the user's to mend: one line with the place, the value and the way out."""

import errno
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""No room is left: on the disk, in a quota, in the largest file that is allowed."""


class UserError(ValueError):
    """Wrong params or inputs; a stage prints it as one line and exits with 2."""


class ParamsError(UserError):
    """A key or value of params.yaml is missing, misspelt or out of range."""


class DataError(UserError):
    """A file or folder that a stage was handed is missing, damaged or does not fit."""


class RunError(UserError):
    """A training run cannot go on."""


def disk_is_full(error: Exception) -> bool:
    """Whether that is why a file could not be written; safetensors says it in words alone."""
    if isinstance(error, OSError):
        return error.errno in FULL
    return any(f"(os error {number})" in str(error) for number in FULL)


@contextmanager
def telling_full_disk(place: Path, kept: str) -> Iterator[None]:
    """Around what writes a file: a full disk becomes one line, which says what is `kept`.

    Raises:
        DataError: the disk is full.
    """
    try:
        yield
    except Exception as error:
        if not disk_is_full(error):
            raise
        raise DataError(
            f"{place}: the disk is full, or its quota; {kept}: make room and run it again to go "
            "on from there"
        ) from None


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """The known names as a clause for an error, the closest match first where there is one."""
    choices = sorted(known)
    close = get_close_matches(str(name), choices, n=1)
    listed = f"known: {', '.join(choices)}"
    return f"did you mean {close[0]}? ({listed})" if close else listed
