"""The collection policy: wander towards open space, turn at obstacles, fire at enemies."""

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes.csgo_actions import Controls

HOLD = (4, 20)  # steps that keys stay pressed
NEAR = 12.0  # depth at which to turn away; about 9 map units each
STUCK = 3.0  # map units per step below which a moving player counts as blocked
TURN = 200.0  # mouse counts per step while turning away
MOVES = (("w",), ("w", "a"), ("w", "d"), ("a",), ("d",), ("s",), ())
MOVE_PROBABILITIES = (0.72, 0.07, 0.07, 0.04, 0.04, 0.03, 0.03)
PITCHES = (-100, -50, -20, 20, 50, 100)  # mouse counts down from the horizon
TAPPED = ("space", "1", "2", "2", "3", "r")  # pressed for one step when the keys change


class Wanderer:
    """Holds keys for some steps, heads for open space, and turns away from obstacles."""

    def __init__(self, rng: np.random.Generator) -> None:
        """A policy that draws keys and a heading at its first step."""
        self.rng = rng
        self.steps_left = 0  # until keys and heading are drawn again
        self.keys: tuple[str, ...] = ()
        self.turn = 0.0  # mouse counts per step towards the heading
        self.side = 0.0  # of turning away: -1 left, 1 right, 0 if nothing is in the way
        self.pitch = 0.0  # mouse counts down from the horizon

    def act(self, depth: NDArray[np.float64], moved: float, target: float | None) -> Controls:
        """Controls for one step.

        Args:
            depth: depth at the horizon, left to right [W].
            moved: map units moved in the last step.
            target: mouse counts from the centre to an enemy; None if none is visible.
        """
        tapped = self._draw(depth) if self.steps_left == 0 else ()
        self.steps_left -= 1
        moving = bool({"w", "a", "s", "d"}.intersection(self.keys))
        third = len(depth) // 3
        if depth[third:-third].min() < NEAR or (moving and moved < STUCK):
            self.side = self.side or (1.0 if depth[-third:].mean() > depth[:third].mean() else -1.0)
        else:
            self.side = 0.0
        dx = self.side * TURN or self.turn
        clicks = frozenset[str]()
        if target is not None and self.side == 0:
            dx, clicks = float(np.clip(target, -TURN, TURN)), frozenset(["left"])
        return Controls(frozenset(self.keys + tapped), clicks, dx, self._look())

    def _draw(self, depth: NDArray[np.float64]) -> tuple[str, ...]:
        """Draw keys, and a heading likelier where depth is larger; returns a key to tap, if any."""
        self.steps_left = int(self.rng.integers(HOLD[0], HOLD[1] + 1))
        self.keys = MOVES[self.rng.choice(len(MOVES), p=MOVE_PROBABILITIES)]
        for key, probability in (("shift", 0.25), ("ctrl", 0.04)):
            if self.rng.random() < probability:
                self.keys += (key,)
        weights = (depth + 1) ** 2  # facing a wall, depth may be 0 everywhere
        column = self.rng.choice(len(depth), p=weights / weights.sum())
        # 800 mouse counts are 44 degrees.
        self.turn = 800.0 * (2 * column / len(depth) - 1) / self.steps_left
        return (str(self.rng.choice(TAPPED)),) if self.rng.random() < 0.25 else ()

    def _look(self) -> float:
        """Mouse counts down: at times a look up or down, and later back to the horizon."""
        if self.rng.random() > 0.1:
            return 0.0
        previous, self.pitch = self.pitch, 0.0 if self.pitch else float(self.rng.choice(PITCHES))
        return self.pitch - previous
