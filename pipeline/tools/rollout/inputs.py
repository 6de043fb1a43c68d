"""Frames and actions of the user's own."""

import csv
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes import video
from pipeline.errors import DataError
from pipeline.files.content import parsing, read_text
from pipeline.files.npy import read_npy
from pipeline.files.picture import read_rgb

IMAGES = (".png", ".jpg", ".jpeg")
MEND = "give another file"


def read_frames(path: Path, count: int, interval: int) -> NDArray[np.uint8]:
    """Every `interval`-th frame of an mp4, or an image: at least `count`, uint8 [T, H, W, 3].

    A frame of an mp4 is an environment step, as in recorded episodes.

    Raises:
        DataError: the file is missing, damaged, neither, or has too few frames.
    """
    if path.suffix.lower() in IMAGES:
        frames = np.asarray(read_rgb(path, MEND))[None].copy()
    else:
        frames = video.decode(path, str(path), way_out="give an mp4, a PNG or a JPEG that plays")
        frames = frames[::interval]
    if len(frames) < count:
        raise DataError(
            f"{path}: has {len(frames)} frames {interval} steps apart, but --history = {count}; "
            f"choose at most {len(frames)}, or a longer video"
        )
    return frames


def read_actions(path: Path, size: int) -> NDArray[np.float32]:
    """Actions float32 [N, A] of a CSV, with or without a header, or an NPY.

    Args:
        path: the file.
        size: A, numbers of an action.

    Raises:
        DataError: it is missing or damaged, its rows have another size, or one is not finite.
    """
    values = read_npy(path, MEND) if path.suffix.lower() == ".npy" else _csv(path)
    if values.dtype.kind not in "iuf" or values.ndim != 2 or values.shape[1] != size:
        raise DataError(
            f"{path}: holds {values.dtype} {list(values.shape)}, but actions of this model are "
            f"rows of {size} numbers, one row per environment step"
        )
    actions = values.astype(np.float32)
    if not (finite := np.isfinite(actions).all(1)).all():
        row = int(np.flatnonzero(~finite)[0])
        raise DataError(f"{path}: row {row + 1} holds NaN or infinity; mend it")
    return actions


def _csv(path: Path) -> NDArray[np.float64]:
    rows = [row for row in csv.reader(io.StringIO(read_text(path, MEND))) if row]
    first = 0
    if rows:
        try:
            [float(cell) for cell in rows[0]]
        except ValueError:
            first = 1  # a header
    numbers: list[list[float]] = []
    for number, row in enumerate(rows[first:], first + 1):
        with parsing(path, "mend it", f"row {number} is no row of numbers"):
            numbers.append([float(cell) for cell in row])
        if len(row) != len(rows[first]):
            raise DataError(
                f"{path}: row {number} has {len(row)} numbers, those before {len(rows[first])}; "
                "mend it"
            )
    if not numbers:
        raise DataError(f"{path}: holds no actions; give one row per environment step")
    return np.array(numbers)
