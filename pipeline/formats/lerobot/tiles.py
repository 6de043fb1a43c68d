"""Frames of several cameras as one: beside each other, below each other, or in a grid."""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Arrange = Literal["row", "column", "grid"]
Frames = NDArray[np.uint8]


def tile(views: Sequence[Frames], arrange: Arrange) -> Frames:
    """Put the frames of cameras together, in reading order; none is scaled.

    Args:
        views: uint8 [T, h, w, 3] of each camera, of any h and w.
        arrange: a row, a column, or a grid of as many columns as rows, or one more.

    Returns:
        uint8 [T, H, W, 3], black where a camera's frames are smaller than their cell. Cells are as
        high as the highest frame of their row, and as wide as the widest of their column.
    """
    if len(views) == 1:
        return views[0]
    columns = {"row": len(views), "column": 1, "grid": math.ceil(math.sqrt(len(views)))}[arrange]
    rows = [views[start : start + columns] for start in range(0, len(views), columns)]
    heights = [max(view.shape[1] for view in row) for row in rows]
    widths = [max(view.shape[2] for view in views[n::columns]) for n in range(columns)]
    tiled = np.zeros((len(views[0]), sum(heights), sum(widths), 3), np.uint8)
    for row, views_of_row in enumerate(rows):
        for column, view in enumerate(views_of_row):
            top, left = sum(heights[:row]), sum(widths[:column])
            tiled[:, top : top + view.shape[1], left : left + view.shape[2]] = view
    return tiled
