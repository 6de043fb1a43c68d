"""Pictures of the user's own."""

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import DataError
from pipeline.files.content import parsing

if TYPE_CHECKING:
    from PIL.Image import Image

LARGEST = 2**13
"""Side in pixels of the largest picture that is read."""


def read_rgb(path: Path, way_out: str) -> "Image":
    """A PNG or JPEG file as an RGB picture.

    Raises:
        DataError: it is missing, damaged or huge, and `way_out` says what to do.
    """
    import PIL.Image

    if not path.is_file():
        raise DataError(f"{path}: no such file; {way_out}")
    with parsing(path, way_out):
        image = PIL.Image.open(path, formats=["PNG", "JPEG"])
        if max(image.size) > LARGEST:
            raise ValueError(f"{image.width} x {image.height} pixels")
        return image.convert("RGB")
