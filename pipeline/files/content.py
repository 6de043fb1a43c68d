"""The bytes of a file, and one line for whatever is wrong with them."""

import reprlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from pipeline.errors import DataError, MachineError, UserError, machine_fault

LARGEST = 2**30
"""Bytes of the largest file that is read whole; tensors and videos are not."""
SHOWN = 200
"""Characters of a foreign error that a line shows."""
BRIEF = reprlib.Repr()
BRIEF.maxstring = BRIEF.maxother = BRIEF.maxlong = 60
"""Characters of a value that a line shows."""


@contextmanager
def parsing(place: Path | str, way_out: str, what: str = "damaged") -> Iterator[None]:
    """Around what parses the bytes of a file: whatever it raises becomes one line.

    Damaged bytes can raise anything, so nothing but parsing belongs into the block.

    Args:
        place: the file, or the part of one.
        way_out: what to do if it is damaged.
        what: what is wrong with it then, in a word or two.

    Raises:
        DataError: it is damaged.
        MachineError: it cannot be read, or memory does not suffice.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise damaged(place, error, way_out, what) from None


def damaged(place: Path | str, error: Exception, way_out: str, what: str = "damaged") -> UserError:
    """The one line for what parsing has raised; arguments are those of `parsing`."""
    if (fault := machine_fault(error)) and not isinstance(error, FileNotFoundError):
        return MachineError(f"{place}: {fault}")
    return DataError(f"{place}: {what} ({reason(error)}); {way_out}")


def read_bytes(path: Path, way_out: str, limit: int = LARGEST) -> bytes:
    """All bytes of a file.

    Args:
        path: the file.
        way_out: what to do if it is missing or damaged.
        limit: most bytes that it may have.

    Raises:
        DataError: it is missing, no file or too large.
        MachineError: it cannot be read.
    """
    if not path.exists():
        raise DataError(f"{path}: no such file; {way_out}")
    if not path.is_file():
        raise DataError(f"{path}: is no file; {way_out}")
    with parsing(path, way_out):
        if (size := path.stat().st_size) > limit:
            raise ValueError(f"{size:,} bytes, where at most {limit:,} are expected")
        return path.read_bytes()


def read_text(path: Path, way_out: str, limit: int = LARGEST) -> str:
    """The text of a file in UTF-8; arguments and errors are those of `read_bytes`.

    Raises:
        DataError: also if it is not UTF-8.
    """
    content = read_bytes(path, way_out, limit)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path}: line {line} is not UTF-8 (byte {content[error.start]:#04x}); {way_out}"
        ) from None


def reason(error: Exception) -> str:
    """What an error says, in one line of printable characters."""
    if isinstance(error, ValidationError):
        return _first_mistake(error)
    said = str(error.strerror if isinstance(error, OSError) and error.strerror else error)
    return _shown(said.strip()) or type(error).__name__


def _first_mistake(error: ValidationError) -> str:
    """Key, value and problem of the first mistake, as far as it has a key and a short value."""
    first = error.errors(include_url=False)[0]
    problem = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return _shown(problem)
    value = first["input"]
    named = first["type"] not in ("missing", "extra_forbidden")
    short = named and not isinstance(value, dict | list | tuple)
    key = ".".join(map(str, first["loc"]))
    return _shown(f"{key} = {brief(value)}: {problem}" if short else f"{key}: {problem}")


def brief(value: object) -> str:
    """A value in a few words, however much it holds: YAML's aliases may make a line of 10^9."""
    return _shown(BRIEF.repr(value), BRIEF.maxstring)


def _shown(text: str, limit: int = SHOWN) -> str:
    line = "".join(c if c.isprintable() else " " for c in text[: 4 * limit])
    line = " ".join(line.split())
    return line if len(line) <= limit else f"{line[:limit]}.."
