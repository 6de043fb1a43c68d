"""Safe unpickling of Python's plain values."""

import io
import pickle
import pickletools
from pathlib import Path
from typing import NoReturn

from pipeline.errors import DataError
from pipeline.files.content import read_bytes


class _PlainUnpickler(pickle.Unpickler):
    """Builds numbers, strings and builtin containers; refuses every other class or function."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"it names {module}.{name}")


def load_plain(path: Path) -> object:
    """Load a pickle of plain values.

    Raises:
        DataError: it is missing or damaged, or names any class or function.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file; fetch it again")
    content = read_bytes(path, "fetch it again")
    try:
        _require_short_memo(content)
        return _PlainUnpickler(io.BytesIO(content)).load()
    except pickle.UnpicklingError as error:
        raise DataError(
            f"{path}: holds more than numbers and strings; refused to unpickle it ({error})"
        ) from None
    except Exception as error:  # bytes that are no pickle can raise anything
        raise damaged(path, error) from None


def _require_short_memo(content: bytes) -> None:
    """Raise ValueError where a pickle names a place of its memo that it cannot have filled.

    Python makes room for all places before it, for 64 GB if need be.
    """
    for opcode, place, _ in pickletools.genops(content):
        if opcode.name.endswith("PUT") and int(place or 0) > len(content):
            raise ValueError(f"it names place {place} of its memo")


def save_plain(path: Path, values: list[int] | list[str]) -> None:
    """Pickle plain values; the bytes are reproducible if equal strings are the same object."""
    path.write_bytes(pickle.dumps(values, protocol=4))


def damaged(path: Path, error: Exception) -> DataError:
    """The DataError for a file whose reading raised `error`."""
    reason = (str(error) or type(error).__name__).splitlines()[0]
    return DataError(f"{path}: damaged ({reason}); fetch it again")
