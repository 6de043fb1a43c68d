"""How a player who has nowhere to go walks: towards what is open, firing at what is in the way."""

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes.csgo_actions import Controls

HOLD = (4, 20)  # steps that keys are held
NEAR = 12.0  # depth at which to turn away; about 9 map units each
STUCK = 3.0  # map units a step below which a walker is held up
AWAY = 200.0  # mouse counts a step while turning away
WALKS = (("w",), ("w", "a"), ("w", "d"), ("a",), ("d",), ("s",), ())
CHANCES = (0.72, 0.07, 0.07, 0.04, 0.04, 0.03, 0.03)
GLANCES = (-100, -50, -20, 20, 50, 100)  # mouse counts down from the horizon
TAPPED = ("space", "1", "2", "2", "3", "r")  # pressed for one step when the keys change


class Wanderer:
    """Holds keys for a while, heads for open space, and turns when something is in the way."""

    def __init__(self, rng: np.random.Generator) -> None:
        """Begin with a new choice."""
        self.rng = rng
        self.left = 0  # steps until the next choice
        self.keys: tuple[str, ...] = ()
        self.drift = 0.0  # mouse counts a step towards what was chosen
        self.side = 0.0  # to which it turns away, 0 while the way is free
        self.tilt = 0.0  # mouse counts down from the horizon

    def act(self, depth: NDArray[np.float64], moved: float, target: float | None) -> Controls:
        """Controls for one step.

        Args:
            depth: how far one can see at the horizon, left to right [W].
            moved: map units walked in the last step.
            target: where an enemy is seen, in mouse counts from the middle.
        """
        tapped = self._choose(depth) if self.left == 0 else ()
        self.left -= 1
        walks = bool({"w", "a", "s", "d"}.intersection(self.keys))
        third = len(depth) // 3
        if depth[third:-third].min() < NEAR or (walks and moved < STUCK):
            self.side = self.side or (1.0 if depth[-third:].mean() > depth[:third].mean() else -1.0)
        else:
            self.side = 0.0
        dx = self.side * AWAY or self.drift
        clicks = frozenset[str]()
        if target is not None and self.side == 0:
            dx, clicks = float(np.clip(target, -AWAY, AWAY)), frozenset(["left"])
        return Controls(frozenset(self.keys + tapped), clicks, dx, self._glance())

    def _choose(self, depth: NDArray[np.float64]) -> tuple[str, ...]:
        """New keys, and a heading, the likelier the farther one can see; returns a tapped key."""
        self.left = int(self.rng.integers(HOLD[0], HOLD[1] + 1))
        self.keys = WALKS[self.rng.choice(len(WALKS), p=CHANCES)]
        for key, chance in (("shift", 0.25), ("ctrl", 0.04)):
            if self.rng.random() < chance:
                self.keys += (key,)
        appeal = (depth + 1) ** 2  # a face against the wall sees depth 0 everywhere
        column = self.rng.choice(len(depth), p=appeal / appeal.sum())
        self.drift = 800.0 * (2 * column / len(depth) - 1) / self.left  # 800 counts: 44 degrees
        return (str(self.rng.choice(TAPPED)),) if self.rng.random() < 0.25 else ()

    def _glance(self) -> float:
        """Mouse counts down: now and then a look up or down, and back to the horizon after it."""
        if self.rng.random() > 0.1:
            return 0.0
        before, self.tilt = self.tilt, 0.0 if self.tilt else float(self.rng.choice(GLANCES))
        return self.tilt - before
