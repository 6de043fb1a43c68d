"""Simulators: they record episodes for a data set and are the place where plans are tried."""

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.episode import Episode, Meta


class World(Protocol):
    """A deterministic simulator. `worlds/NAME.py` offers `Options` and `build(options)`.

    States and actions are in the units of the data set of the same name.
    """

    def collect(self, episodes: int, steps: int, seed: int) -> Iterator[Episode]:
        """Record episodes of `steps` frames with the collection policy; same seed, same bytes."""

    def restore(self, state: NDArray[np.float32], meta: Meta) -> None:
        """Put the world into a recorded state [S] of the episode that `meta` describes."""

    def snapshot(self) -> NDArray[np.float32]:
        """The present state [S]; restoring it changes nothing."""

    def step(self, action: NDArray[np.float32]) -> None:
        """Apply one action [A]."""

    def render(self) -> NDArray[np.uint8]:
        """The present frame, [H, W, 3] RGB."""

    def distance(self, state: NDArray[np.float32], goal: NDArray[np.float32]) -> float:
        """How far a state [S] is from a goal state [S], in the world's units."""

    def success(self, state: NDArray[np.float32], goal: NDArray[np.float32]) -> bool:
        """Whether a state counts as having reached the goal."""
