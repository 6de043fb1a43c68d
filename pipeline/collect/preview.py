"""A contact sheet: evenly spaced frames of evenly spaced episodes, as a PNG."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline import stage
from pipeline.formats import Source, read_episode

ROWS, COLUMNS = 8, 8
GAP = 2
WIDTH = 160  # pixels; smaller frames are enlarged by whole factors up to it


def contact_sheet(source: Source, out: Path) -> None:
    """Write a PNG with one episode per row, from its first to its last frame."""
    rows = [_row(source, index) for index in _evenly_spaced(len(source), ROWS)]
    width = max(row.shape[1] for row in rows)
    padded = [
        np.pad(row, ((0, GAP), (0, width - row.shape[1]), (0, 0)), constant_values=255)
        for row in rows
    ]
    sheet = np.concatenate(padded)
    with stage.output(out) as partial, partial.open("wb") as file:
        Image.fromarray(sheet).save(file, "PNG")


def _row(source: Source, index: int) -> NDArray[np.uint8]:
    frames = read_episode(source, index).frames
    columns = frames[_evenly_spaced(len(frames), COLUMNS)]
    scale = max(1, WIDTH // frames.shape[2])
    enlarged = columns.repeat(scale, 1).repeat(scale, 2)
    padded = np.pad(enlarged, ((0, 0), (0, 0), (0, GAP), (0, 0)), constant_values=255)
    return np.concatenate(list(padded), 1)


def _evenly_spaced(count: int, limit: int) -> list[int]:
    """At most `limit` of 0..count - 1, evenly spaced, the first and the last among them."""
    return sorted(set(np.linspace(0, count - 1, limit).round().astype(int).tolist()))
