"""Frames as images of a message, and back."""

import io
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.errors import UserError
from pipeline.tools.play.dream import Frame
from pipeline.tools.play.messages import ImageFormat
from pipeline.tools.play.replies import Image

# Small frames: speed is worth more than bytes.
OPTIONS: dict[ImageFormat, dict[str, Any]] = {
    "webp": {"lossless": True, "method": 0},
    "jpeg": {"quality": 90},
    "png": {},
}
LARGEST = 2**24
"""Pixels of a picture of a goal."""
DAMAGED = (OSError, ValueError, SyntaxError, EOFError, IndexError, struct.error, zlib.error)
"""What Pillow raises of files that are none, or are damaged."""


def encode_all(named: Sequence[tuple[str, Frame]], form: ImageFormat) -> list[Image]:
    """Images of frames [H, W, 3], without loss but for JPEG."""
    import PIL.Image

    images = []
    for name, frame in named:
        file = io.BytesIO()
        PIL.Image.fromarray(frame).save(file, form.upper(), **OPTIONS[form])
        images.append(Image(name, f"image/{form}", file.getvalue()))
    return images


def decode(content: bytes, size: tuple[int, int]) -> Frame:
    """A picture of a goal (WebP, JPEG or PNG), resized to height and width.

    Raises:
        UserError: it is none, or too large.
    """
    import PIL.Image

    try:
        picture = PIL.Image.open(io.BytesIO(content), formats=["WEBP", "JPEG", "PNG"])
        if picture.width * picture.height > LARGEST:
            raise UserError(
                f"a picture of {picture.width} x {picture.height}; give at most {LARGEST:,} pixels"
            )
        resized = picture.convert("RGB").resize(size[::-1], PIL.Image.Resampling.BILINEAR)
    except (*DAMAGED, PIL.Image.DecompressionBombError, PIL.Image.DecompressionBombWarning):
        raise UserError("no picture of a goal: give a PNG, JPEG or WebP") from None
    return np.asarray(resized).copy()
