"""Arrays of images as frames: uint8 RGB [T, H, W, 3], whatever the order of their axes."""

import io
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import DTypeLike, NDArray

from pipeline.errors import DataError
from pipeline.files.content import parsing

LARGEST = 2**26
"""Pixels of an image file."""
AS_FRAMES = "store uint8 RGB [T, H, W, 3]"
IMAGE_FILES = ("JPEG", "PNG")


def otherwise(shape: Sequence[int], dtype: DTypeLike) -> str | None:
    """What an array holds, and the way out, if it holds no frames; else None."""
    found = f"{np.dtype(dtype)} {list(shape)}"
    if len(shape) not in (3, 4):
        return f"is {found}, no images; {AS_FRAMES}"
    if np.dtype(dtype).kind == "f":
        return (
            f"is {found}, and frames are whole numbers from 0 to 255: if these range from 0 to 1, "
            "store (255 * frames).round() as uint8"
        )
    if np.dtype(dtype) != np.uint8:
        return f"is {found}, and frames are uint8; choose a colour camera, or {AS_FRAMES}"
    if len(shape) == 4 and not {shape[-1], shape[1]} & {1, 3}:
        return (
            f"is {found}, with neither 3 nor 1 channels (stacked frames?); keep one image a step: "
            f"{AS_FRAMES}"
        )
    return None


def rgb(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Frames [T, H, W, 3] of images that `otherwise` has nothing against.

    Their axes may be [T, H, W, 3], [T, 3, H, W], or with 1 or no channel in the place of 3: grey.
    """
    if values.ndim == 3:
        values = values[..., None]
    elif values.shape[-1] not in (1, 3):
        values = np.moveaxis(values, 1, -1)
    if values.shape[-1] == 1:
        values = np.repeat(values, 3, axis=-1)
    return np.ascontiguousarray(values)


def decode(images: Iterable[bytes], count: int, place: str, way_out: str) -> NDArray[np.uint8]:
    """Frames of `count` image files, JPEG or PNG of one size.

    Raises:
        DataError: one is damaged, of another format, or of another size than the first.
    """
    frames: NDArray[np.uint8] | None = None
    for number, content in enumerate(images):
        frame = _decoded(content, f"{place} at frame {number}", way_out)
        if frames is None:
            frames = np.empty((count, *frame.shape), np.uint8)
        elif frame.shape != frames.shape[1:]:
            raise DataError(
                f"{place} is {_size(frame)} at frame {number}, {_size(frames[0])} before; record "
                "it at one size"
            )
        frames[number] = frame
    if frames is None:
        raise DataError(f"{place} holds no frames; {way_out}")
    return frames


def side_by_side(cameras: Sequence[NDArray[np.uint8]], names: Sequence[str]) -> NDArray[np.uint8]:
    """Frames [T, H, sum of W, 3] of several cameras, the first on the left.

    Raises:
        DataError: their heights differ.
    """
    if len(cameras) == 1:
        return cameras[0]
    for camera, name in zip(cameras, names, strict=True):
        if camera.shape[1] != cameras[0].shape[1]:
            raise DataError(
                f"cameras are put side by side, but {names[0]} is {_size(cameras[0][0])} and "
                f"{name} {_size(camera[0])}; choose cameras of one height"
            )
    return np.concatenate(cameras, axis=2)


def _decoded(content: bytes, place: str, way_out: str) -> NDArray[np.uint8]:
    from PIL import Image

    with (
        parsing(place, way_out, "no JPEG or PNG"),
        Image.open(io.BytesIO(content), formats=IMAGE_FILES) as image,
    ):
        if image.width * image.height > LARGEST:
            raise ValueError(f"it claims {image.width}x{image.height} pixels")
        if image.mode not in ("RGB", "L", "RGBA", "P"):
            raise ValueError(f"its pixels are {image.mode}, not 8-bit colour")
        return np.asarray(image.convert("RGB"))


def _size(frame: NDArray[np.uint8]) -> str:
    return f"{frame.shape[1]}x{frame.shape[0]}"
