"""Errors that are the user's to mend: one line with the place, the value and the way out."""

import errno
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""No room is left: on the disk, in a quota, in the largest file that is allowed."""

REFUSED = {
    errno.EACCES: "grant yourself access to it, or work in a folder of your own",
    errno.EPERM: "grant yourself access to it, or work in a folder of your own",
    errno.EROFS: "work in a folder that can be written to",
    errno.EISDIR: "a file belongs there: move the folder away",
    errno.ENOTDIR: "a folder belongs there: move the file away",
    errno.EEXIST: "move away what is there",
    errno.ENOENT: "restore what is missing there",
    errno.ELOOP: "mend the link",
    errno.ENAMETOOLONG: "shorten the name",
    errno.EIO: "check the disk",
    errno.EMFILE: "raise the limit of open files (`ulimit -n`), or take fewer workers",
}
"""What a file system refuses, and the way out."""
OUT_OF_MEMORY = ("can't allocate memory", "bad_alloc", "out of memory", "Cannot allocate memory")
"""How torch says that there is not enough, where it has no class for it."""


class UserError(ValueError):
    """Wrong params or inputs; a stage prints it as one line and exits with 2."""


class ParamsError(UserError):
    """A key or value of params.yaml is missing, misspelt or out of range."""


class DataError(UserError):
    """A file or folder that a stage was handed is missing, damaged or does not fit."""


class MachineError(UserError):
    """The machine refuses a file or has too little memory: no fault of the file, nor of a bug."""


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


def machine_fault(error: BaseException) -> str | None:
    """What the machine refused or had too little of, and the way out; None if it did neither."""
    if isinstance(error, Exception) and disk_is_full(error):
        return "the disk is full, or its quota; make room and run it again"
    if memory_ran_out(error):
        said = " ".join(str(error).split())[:120] or "nothing more is known"
        return (
            f"memory does not suffice ({said}); close other programs, or take smaller batches, "
            "fewer workers or smaller data"
        )
    if not isinstance(error, OSError) or error.errno not in REFUSED or error.strerror is None:
        return None
    return f"{error.strerror.lower()}; {REFUSED[error.errno]}"


def memory_ran_out(error: BaseException) -> bool:
    """Whether that is why an allocation failed; torch says it in words alone on a CPU."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and any(word in str(error) for word in OUT_OF_MEMORY)


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """The known names as a clause for an error, the closest match first where there is one."""
    choices = sorted(known)
    close = get_close_matches(str(name), choices, n=1)
    listed = f"known: {', '.join(choices)}"
    return f"did you mean {close[0]}? ({listed})" if close else listed
