"""The fixed validation clips: which windows of the val split they are."""

import numpy as np
from numpy.typing import NDArray

from pipeline.latents.windows import Windows, fixed_subset


def fixed_rows(windows: Windows, count: int, seed: int) -> NDArray[np.int64]:
    """At most `count` of the eligible windows, always the same for a seed."""
    rows = eligible(windows)
    return rows[fixed_subset(len(rows), count, seed)]


def eligible(windows: Windows) -> NDArray[np.int64]:
    """Rows of the windows to pick from: where a set publishes starts (CSGO), those; else all.

    A published start too near to its episode's end has no window, as in the reference.
    """
    entries = windows.cache.seal.episodes
    starts = {e: entries[e].meta.get("validation_start") for e in windows.episodes}
    if None in starts.values():
        return np.arange(len(windows))
    return np.flatnonzero([starts[episode] == start for episode, start in windows.rows])
