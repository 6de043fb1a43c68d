"""Frames as images of a message, and back."""

import io

import numpy as np

from pipeline.errors import UserError
from pipeline.tools.play.dream import Frame
from pipeline.tools.play.messages import ImageFormat

MIME = {"webp": "image/webp", "jpeg": "image/jpeg", "png": "image/png"}
QUALITY = 90
LARGEST = 2**24
"""Pixels of a picture of a goal."""


def encode(frame: Frame, name: str, form: ImageFormat) -> tuple[str, str, bytes]:
    """Name, MIME type and content of a frame [H, W, 3]."""
    from PIL import Image

    file = io.BytesIO()
    lossless = {"lossless": True} if form == "webp" else {}
    # Small frames: speed is worth more than bytes.
    options = {"webp": {"method": 0, **lossless}, "jpeg": {"quality": QUALITY}, "png": {}}
    Image.fromarray(frame).save(file, form.upper(), **options[form])
    return name, MIME[form], file.getvalue()


def decode(content: bytes, size: tuple[int, int]) -> Frame:
    """A picture of a goal (WebP, JPEG or PNG), resized to height and width.

    Raises:
        UserError: it is none, or too large.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=["WEBP", "JPEG", "PNG"]) as picture:
            if picture.width * picture.height > LARGEST:
                raise UserError(
                    f"a picture of {picture.width} x {picture.height}; give at most {LARGEST:,} "
                    "pixels"
                )
            resized = picture.convert("RGB").resize(size[::-1], Image.Resampling.BILINEAR)
            return np.asarray(resized).copy()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise UserError("no picture of a goal: give a PNG, JPEG or WebP") from None
