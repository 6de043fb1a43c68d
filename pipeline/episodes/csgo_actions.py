"""Counter-Strike's action vector [51]: the keys, mouse buttons and mouse movement of one step.

Components 0..10 are keys and 11..12 mouse buttons, 1 while pressed; 13..35 and 36..50 are one-hot:
the bin nearest to the mouse's horizontal and vertical movement in counts (Pearce & Zhu 2021,
`config.py`, `mouse_x_possibles` and `mouse_y_possibles`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

KEYS = ("w", "a", "s", "d", "space", "ctrl", "shift", "1", "2", "3", "r")
CLICKS = ("left", "right")


def _symmetric(counts: list[int]) -> NDArray[np.float64]:
    positive = np.array(counts, np.float64)
    return np.concatenate([-positive[::-1], [0], positive])


MOUSE_X = _symmetric([2, 4, 10, 20, 30, 60, 100, 200, 300, 500, 1000])
MOUSE_Y = _symmetric([2, 4, 10, 20, 50, 100, 200])

BUTTONS = len(KEYS) + len(CLICKS)
MOUSE_X_BINS = slice(BUTTONS, BUTTONS + len(MOUSE_X))
MOUSE_Y_BINS = slice(MOUSE_X_BINS.stop, MOUSE_X_BINS.stop + len(MOUSE_Y))
ACTION_DIM: int = MOUSE_Y_BINS.stop


@dataclass(frozen=True, slots=True)
class Controls:
    """What a player does in one step.

    Attributes:
        keys: names of the pressed keys, of KEYS.
        clicks: names of the pressed mouse buttons, of CLICKS.
        dx: mouse movement in counts, positive to the right.
        dy: mouse movement in counts, positive downwards.
    """

    keys: frozenset[str] = frozenset()
    clicks: frozenset[str] = frozenset()
    dx: float = 0.0
    dy: float = 0.0


def encode(controls: Controls) -> NDArray[np.float32]:
    """Controls as an action [51]; a movement halfway between two bins takes the lower one."""
    action = np.zeros(ACTION_DIM, np.float32)
    action[: len(KEYS)] = [key in controls.keys for key in KEYS]
    action[len(KEYS) : BUTTONS] = [click in controls.clicks for click in CLICKS]
    action[MOUSE_X_BINS][np.abs(MOUSE_X - controls.dx).argmin()] = 1
    action[MOUSE_Y_BINS][np.abs(MOUSE_Y - controls.dy).argmin()] = 1
    return action


def decode(action: NDArray[np.float32]) -> Controls:
    """The controls of an action [51]: buttons above 0.5 are pressed, the largest bin is taken."""
    pressed = action > 0.5
    return Controls(
        keys=frozenset(key for index, key in enumerate(KEYS) if pressed[index]),
        clicks=frozenset(click for index, click in enumerate(CLICKS, len(KEYS)) if pressed[index]),
        dx=float(MOUSE_X[action[MOUSE_X_BINS].argmax()]),
        dy=float(MOUSE_Y[action[MOUSE_Y_BINS].argmax()]),
    )
