"""RWM's rows of 66 numbers without a header: files of text, and episodes in them.

A row holds system_state 45, system_action 12, system_contact 8 and system_termination 1, where the
action is the one that led to the row: zero in the first row of an episode.
"""

import io
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes.groups import (
    CONTACT,
    OBSERVED,
    STATE,
    SYSTEM_ACTION,
    SYSTEM_STATE,
    actions_led,
)
from pipeline.files.content import parsing, read_text

ACTIONS = slice(SYSTEM_STATE.width, SYSTEM_STATE.width + SYSTEM_ACTION.width)
COLUMNS = OBSERVED + SYSTEM_ACTION.width
LARGEST = 2**30
"""Bytes of the largest file: about a million rows."""
MEND = f"each row must be {COLUMNS} numbers with commas between them; write it again"

Rows = NDArray[np.float32]


def rows_of(states: NDArray[np.float32], actions: NDArray[np.float32]) -> Rows:
    """Rows [T, 66] of states [T, 54] or longer, and the actions [T, 12] chosen at them."""
    parts = [states[:, STATE], actions_led(actions), states[:, CONTACT.start : OBSERVED]]
    return np.concatenate(parts, 1)


def write(path: Path, rows: Rows) -> None:
    """Write rows [T, 66] as text from which they are read back to the bit."""
    path.write_text("".join(",".join(map("{:.9g}".format, row)) + "\n" for row in rows.tolist()))


@lru_cache(maxsize=2)  # the episodes of a file are read one after the other
def read(path: Path) -> Rows:
    """All rows [N, 66] of a file.

    Raises:
        DataError: it is missing, or no table of 66 finite numbers a row.
    """
    text = read_text(path, MEND, LARGEST)
    with parsing(path, MEND):
        rows = np.loadtxt(io.StringIO(text), np.float32, delimiter=",", ndmin=2)
        if rows.shape[1] != COLUMNS or not len(rows):
            raise ValueError(f"{len(rows)} rows of {rows.shape[1]} numbers")
        if not np.isfinite(rows).all():
            raise ValueError(f"row {np.argwhere(~np.isfinite(rows))[0][0]} has NaN or infinity")
    rows.flags.writeable = False
    return rows


def episodes_in(rows: Rows) -> list[tuple[int, int]]:
    """First row and end of each episode.

    One begins behind a termination, and where a simulator was reset for another reason: there no
    action has led to the row, after one that some action has led to.
    """
    still = np.abs(rows[:, ACTIONS]).max(1) == 0
    begins = np.flatnonzero((rows[:-1, -1] > 0.5) | (still[1:] & ~still[:-1])) + 1
    edges = [0, *begins.tolist(), len(rows)]
    return list(pairwise(edges))
