"""Reading what torch.save wrote, executing nothing in it."""

import pickle
from pathlib import Path
from typing import Any

import torch

from pipeline.errors import DataError

ZIP = b"PK\3\4"


def held(path: Path, *, anew: str, trusted: str) -> Any:
    """What a file holds, mapped rather than read; one of before torch wrote zips is read whole.

    Args:
        path: an existing file.
        anew: what to do with a damaged one.
        trusted: what to do with one that would execute code, where its maker is trusted.

    Raises:
        DataError: damaged, or it would have to execute code.
    """
    with path.open("rb") as file:
        zipped = file.read(len(ZIP)) == ZIP
    try:
        return torch.load(path, map_location="cpu", mmap=zipped, weights_only=True)
    except pickle.UnpicklingError as error:
        if "GLOBAL" not in str(error):  # the instruction that fetches a function
            raise DataError(f"{path}: damaged (no pickle); {anew}") from None
        raise DataError(
            f"{path}: holds more than tensors and numbers, and reading it would execute code; "
            f"where you trust it, {trusted}"
        ) from None
    except Exception as error:  # of many kinds: what is damaged is read as instructions
        said = next(iter(str(error).splitlines()), "it ends too early")
        raise DataError(f"{path}: damaged ({said}); {anew}") from None
