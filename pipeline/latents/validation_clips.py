"""Which windows of the val split are the fixed validation clips."""

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ParamsError
from pipeline.latents.windows import Windows, fixed_subset


def fixed_rows(
    windows: Windows, count: int, seed: int, place: str, least: int = 1
) -> NDArray[np.int64]:
    """Rows of `count` validation windows, drawn as the reference draws them.

    Of a data set that publishes where its validation clips start (CSGO), only these are eligible,
    and `count` may exceed their number: all of them are the protocol. A published start too near
    to its episode's end has no window, as in the reference.

    Args:
        windows: of the val split.
        count: how many to draw.
        seed: of the draw.
        place: the key of params.yaml that has the count.
        least: how few will do, where the clips are published.

    Raises:
        ParamsError: there are fewer.
    """
    entries = windows.cache.seal.episodes
    starts = {e: entries[e].meta.get("validation_start") for e in windows.episodes}
    published = None not in starts.values()
    rows = np.arange(len(windows))
    if published:
        rows = np.flatnonzero([starts[episode] == start for episode, start in windows.rows])
    needed = least if published else max(count, least)
    if len(rows) < needed:
        raise too_few(len(rows), count, str(windows.cache.path), place)
    return rows[fixed_subset(len(rows), count, seed)]


def too_few(there: int, count: int, source: str, place: str) -> ParamsError:
    """Why `count` clips are not drawn: scores of fewer would pass for scores of as many."""
    lower = f"choose at most {there}, or " if there > 1 else ""
    return ParamsError(
        f"{place} = {count}, but {source} has {there} validation windows; {lower}record more "
        "episodes or hold more of them out"
    )
