"""Frames that are stored as image files within a parquet file."""

import io
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import DataError
from pipeline.formats.lerobot import cameras

if TYPE_CHECKING:
    import pyarrow as pa


def decode(cells: "pa.ChunkedArray", place: str) -> NDArray[np.uint8]:
    """Frames uint8 [T, H, W, 3] of a column of images.

    Args:
        cells: structs with the bytes of an image file each.
        place: what error messages name.

    Raises:
        DataError: a cell is no image, has more than 8 bits, or another size than those before.
    """
    frames: list[NDArray[np.uint8]] = []
    for number, cell in enumerate(cells):
        frame = _decode(cell, f"{place} at frame {number}")
        if frames and frame.shape != frames[0].shape:
            raise DataError(
                f"{place} is {_size(frame)} at frame {number}, {_size(frames[0])} before; "
                "record it at one size"
            )
        frames.append(frame)
    return np.stack(frames)


def mode(cell: object) -> str | None:
    """Pillow's mode of an image, None if it is none; no pixel is decoded."""
    from PIL import Image

    content = cell.get("bytes") if isinstance(cell, dict) else None
    if not isinstance(content, bytes):
        return None
    try:
        with Image.open(io.BytesIO(content)) as image:
            return image.mode
    except Exception:  # as below; decoding it says what is wrong
        return None


def _decode(scalar: "pa.Scalar[pa.DataType]", place: str) -> NDArray[np.uint8]:
    from PIL import Image, UnidentifiedImageError

    try:
        cell = scalar.as_py()
        content = cell.get("bytes") if isinstance(cell, dict) else None
        if not isinstance(content, bytes):
            path = cell.get("path") if isinstance(cell, dict) else None
            said = f"names the file {path!r}, but holds no image" if path else "holds no image"
            raise DataError(f"{place} {said}; embed the images in the parquet files")
        with Image.open(io.BytesIO(content)) as image:
            image.verify()  # the checksums of a PNG, which decoding does not compare
        with Image.open(io.BytesIO(content)) as image:
            if deep := cameras.other_mode(image.mode):
                raise DataError(f"{place} has {deep}; set {cameras.OPTION} to colour cameras")
            return np.asarray(image.convert("RGB"))
    except DataError:
        raise
    except UnidentifiedImageError:
        raise DataError(f"{place} is no image; fetch it again") from None
    except Exception as error:  # Pillow's decoders raise a dozen kinds on damaged files
        said = " ".join(str(error).split())
        raise DataError(f"{place} is no image ({said}); fetch it again") from None


def _size(frame: NDArray[np.uint8]) -> str:
    return f"{frame.shape[1]}x{frame.shape[0]}"
