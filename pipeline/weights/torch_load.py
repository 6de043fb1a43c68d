"""torch.load that executes no code of the file, with errors that the user can act on."""

import pickle
from pathlib import Path
from typing import Any

import torch

from pipeline.errors import DataError

ZIP = b"PK\3\4"


def load(path: Path, *, if_damaged: str, if_unsafe: str) -> Any:
    """Contents of a file of torch.save, memory-mapped; the legacy format (no zip) is read whole.

    Args:
        path: an existing file.
        if_damaged: way out of a damaged file, for the error message.
        if_unsafe: way out of a file that holds code, if its author is trusted.

    Raises:
        DataError: it is damaged, or would have to execute code.
    """
    with path.open("rb") as file:
        zipped = file.read(len(ZIP)) == ZIP
    try:
        return torch.load(path, map_location="cpu", mmap=zipped, weights_only=True)
    except pickle.UnpicklingError as error:
        if "GLOBAL" not in str(error):  # the instruction that fetches a function
            raise DataError(f"{path}: damaged (no pickle); {if_damaged}") from None
        raise DataError(
            f"{path}: holds more than tensors and numbers, and reading it would execute code; "
            f"if you trust it, {if_unsafe}"
        ) from None
    except Exception as error:  # of any type: damaged bytes are read as instructions of pickle
        reason = next(iter(str(error).splitlines()), "it ends too early")
        raise DataError(f"{path}: damaged ({reason}); {if_damaged}") from None
