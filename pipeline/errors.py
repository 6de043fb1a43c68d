"""Errors that are the user's to mend: one line with the place, the value and the way out."""

import errno
from collections.abc import Iterable
from difflib import get_close_matches


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
        return error.errno == errno.ENOSPC
    return f"os error {errno.ENOSPC}" in str(error)


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """The known names as a clause for an error, the closest match first where there is one."""
    choices = sorted(known)
    close = get_close_matches(str(name), choices, n=1)
    listed = f"known: {', '.join(choices)}"
    return f"did you mean {close[0]}? ({listed})" if close else listed
