"""Which windows of the val split are the fixed validation clips."""

import numpy as np
from numpy.typing import NDArray

from pipeline.latents.windows import Windows, fixed_subset


def fixed_rows(windows: Windows, count: int, seed: int) -> NDArray[np.int64]:
    """Rows of at most `count` of the eligible windows, the same for the same seed."""
    rows = eligible(windows)
    return rows[fixed_subset(len(rows), count, seed)]


def eligible(windows: Windows) -> NDArray[np.int64]:
    """Rows of the windows at the validation starts that a data set publishes (CSGO), or of all.

    A published start too near to its episode's end has no window, as in the reference.
    """
    entries = windows.cache.seal.episodes
    starts = {e: entries[e].meta.get("validation_start") for e in windows.episodes}
    if None in starts.values():
        return np.arange(len(windows))
    return np.flatnonzero([starts[episode] == start for episode, start in windows.rows])
