"""The 51 numbers of an action: what a player's hands do in a sixteenth of a second.

Numbers 0..10 are keys and 11..12 mouse buttons, 1 while held; 13..35 and 36..50 each have a single
1, at the bin nearest to the mouse's counts across and down (Pearce & Zhu 2021, `config.py`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

KEYS = ("w", "a", "s", "d", "space", "ctrl", "shift", "1", "2", "3", "r")
CLICKS = ("left", "right")


def _both_ways(counts: list[int]) -> NDArray[np.float64]:
    one_way = np.array(counts, np.float64)
    return np.concatenate([-one_way[::-1], [0], one_way])


ACROSS = _both_ways([2, 4, 10, 20, 30, 60, 100, 200, 300, 500, 1000])
DOWN = _both_ways([2, 4, 10, 20, 50, 100, 200])

BUTTONS = len(KEYS) + len(CLICKS)
TURN = slice(BUTTONS, BUTTONS + len(ACROSS))
TILT = slice(TURN.stop, TURN.stop + len(DOWN))
ACTION_DIM: int = TILT.stop


@dataclass(frozen=True, slots=True)
class Controls:
    """Keys and mouse buttons held, by name; mouse counts, positive to the right and down."""

    keys: frozenset[str] = frozenset()
    clicks: frozenset[str] = frozenset()
    dx: float = 0.0
    dy: float = 0.0


def encode(controls: Controls) -> NDArray[np.float32]:
    """An action [51]; the mouse moves by the nearest bin, the lower one of two as near."""
    action = np.zeros(ACTION_DIM, np.float32)
    action[: len(KEYS)] = [key in controls.keys for key in KEYS]
    action[len(KEYS) : BUTTONS] = [click in controls.clicks for click in CLICKS]
    action[TURN][np.abs(ACROSS - controls.dx).argmin()] = 1
    action[TILT][np.abs(DOWN - controls.dy).argmin()] = 1
    return action


def decode(action: NDArray[np.float32]) -> Controls:
    """The controls of an action [51]; numbers between 0 and 1, as a model gives, are rounded."""
    held = action > 0.5
    return Controls(
        keys=frozenset(key for number, key in enumerate(KEYS) if held[number]),
        clicks=frozenset(click for number, click in enumerate(CLICKS, len(KEYS)) if held[number]),
        dx=float(ACROSS[action[TURN].argmax()]),
        dy=float(DOWN[action[TILT].argmax()]),
    )
