"""Images of the page as data URIs: clips as animated lossless WebP, stills as PNG."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SECONDS_PER_FRAME = 0.45
SCALE = 3
NARROW, WIDE = 360, 1600
"""Width in pixels to which a small image is enlarged, and to which a large one is reduced."""
LARGEST = 2**14
"""Side in pixels of the largest image that is shown."""
LARGEST_CELL = 128
"""Side in pixels of a frame on a sheet of frames."""
UNSEEN = 236
"""Grey of a frame that was never seen."""
GAP = 2


def animation(frames: Sequence[NDArray[np.uint8]], seconds: float = SECONDS_PER_FRAME) -> str:
    """Frames uint8 [H, W, 3] as one looping animation that pauses on the last frame."""
    images = [_enlarge(frame) for frame in frames]
    durations = [int(1000 * seconds)] * (len(images) - 1) + [int(3000 * seconds)]
    buffer = io.BytesIO()
    images[0].save(
        buffer,
        "WEBP",
        save_all=True,
        append_images=images[1:],
        duration=durations,
        loop=0,
        lossless=True,
        minimize_size=True,
    )
    return uri(buffer.getvalue(), "image/webp")


def still(path: Path) -> str:
    """A PNG file, enlarged or reduced to a width between NARROW and WIDE.

    Raises:
        ValueError: it is larger than any of ours; PIL raises what it likes where it is damaged.
    """
    image: Image.Image = Image.open(path, formats=["PNG"])
    if max(image.size) > LARGEST:
        raise ValueError(f"{image.width} x {image.height} pixels")
    factor = max(1, round(NARROW / image.width))
    image = image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
    image.thumbnail((WIDE, image.height))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return uri(buffer.getvalue(), "image/png")


def side_by_side(panels: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Panels uint8 [H, W, 3] in one row, with white gaps between them."""
    gap = np.full((panels[0].shape[0], GAP, 3), 255, np.uint8)
    columns = [column for panel in panels for column in (gap, panel)][1:]
    return np.concatenate(columns, 1)


def sheet(rows: Sequence[Sequence[NDArray[np.uint8] | None]]) -> str:
    """Rows of frames uint8 [h, w, 3] as one image; a missing one is grey.

    All are brought to the size of the first, or a smaller one of the same shape.
    """
    first = rows[0][0]
    assert first is not None
    scale = min(1, LARGEST_CELL / max(first.shape[:2]))
    height, width = (max(1, round(side * scale)) for side in first.shape[:2])
    table = [side_by_side([_cell(frame, height, width) for frame in row]) for row in rows]
    gap = np.full((GAP, table[0].shape[1], 3), 255, np.uint8)
    whole = np.concatenate([part for row in table for part in (gap, row)][1:])
    buffer = io.BytesIO()
    Image.fromarray(whole).save(buffer, "WEBP", lossless=True, method=2)  # half the time of 4
    return uri(buffer.getvalue(), "image/webp")


def paler(frame: NDArray[np.uint8], share: float) -> NDArray[np.uint8]:
    """A frame uint8 [H, W, 3], mixed with white."""
    return (frame * (1 - share) + 255 * share).round().astype(np.uint8)


def error(truth: NDArray[np.uint8], prediction: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Absolute difference of two frames uint8 [H, W, 3]: black where they are equal."""
    return np.abs(truth.astype(np.int16) - prediction.astype(np.int16)).astype(np.uint8)


def uri(content: bytes, kind: str) -> str:
    """Bytes of a media type as a data URI."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _cell(frame: NDArray[np.uint8] | None, height: int, width: int) -> NDArray[np.uint8]:
    if frame is None:
        return np.full((height, width, 3), UNSEEN, np.uint8)
    if frame.shape[:2] == (height, width):
        return frame
    how = Image.Resampling.NEAREST if frame.shape[0] < height else Image.Resampling.BOX
    return np.asarray(Image.fromarray(frame).resize((width, height), how))


def _enlarge(frame: NDArray[np.uint8]) -> Image.Image:
    height, width = frame.shape[:2]
    factor = max(1, SCALE * 64 // height)
    return Image.fromarray(frame).resize(
        (width * factor, height * factor), Image.Resampling.NEAREST
    )
