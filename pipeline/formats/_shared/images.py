"""Image files as frames of 8-bit colour."""

import io

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import DataError
from pipeline.files.content import parsing

LARGEST = 2**25
"""Pixels of the largest image, as for videos: a damaged header may claim more than memory holds."""
DEEP = ("I", "F")
"""What the modes of images begin with that have more than 8 bits a channel (Pillow's concepts)."""


def decode(content: bytes, place: str, way_out: str) -> NDArray[np.uint8]:
    """The frame uint8 [H, W, 3] RGB of a PNG, JPEG or other image; grey ones get equal channels.

    Args:
        content: of the image file; its checksums are compared where the format has some.
        place: what error messages name.
        way_out: what they advise.

    Raises:
        DataError: it is no image, is damaged, too large, or has more than 8 bits a channel.
    """
    from PIL import Image

    with parsing(place, way_out, "is no image"):
        with Image.open(io.BytesIO(content)) as image:
            if image.mode.startswith(DEEP):
                raise DataError(
                    f"{place}: has more than 8 bits a channel (mode {image.mode}); "
                    "convert it to 8-bit colour"
                )
            if image.width * image.height > LARGEST:
                raise ValueError(f"{image.width}x{image.height} pixels")
            image.verify()
        with Image.open(io.BytesIO(content)) as image:
            return np.array(image.convert("RGB"))


def stack(frames: list[NDArray[np.uint8]], places: list[str]) -> NDArray[np.uint8]:
    """Frames [H, W, 3] of one episode as uint8 [T, H, W, 3]; `places` are what errors name.

    Raises:
        DataError: there are none, or one has another size than the first.
    """
    for frame, place in zip(frames, places, strict=True):
        if frame.shape != frames[0].shape:
            (height, width), (first, across) = frame.shape[:2], frames[0].shape[:2]
            raise DataError(
                f"{place}: is {width}x{height}, {places[0]} {across}x{first}; "
                "make all frames of an episode one size"
            )
    return np.stack(frames)
