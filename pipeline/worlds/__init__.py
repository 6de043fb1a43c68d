"""Simulators: they record episodes for a data set, and some are where plans are tried."""

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pipeline.episodes.episode import Episode, Meta
from pipeline.params import Params


class Recording(Params):
    """How much a world records; base of the Options of every world."""

    episodes: int = Field(gt=1)
    steps: int = Field(gt=1, description="frames an episode")


class Recorder(Protocol):
    """A deterministic simulator. `worlds/NAME/` offers `Options` and `build(options)`.

    States and actions are in the units of the data set of the same name.
    """

    def collect(self, episodes: int, steps: int, seed: int) -> Iterator[Episode]:
        """Record episodes of `steps` frames with the collection policy; same seed, same bytes."""


@runtime_checkable
class World(Recorder, Protocol):
    """A recorder that can also be put into any recorded state, so that plans can be tried in it."""

    state_dim: int
    """Size S of the states that it can be restored from."""
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    """Range of sensible actions, [A] each."""

    def sample(
        self, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], Meta]:
        """A random task: start [S], goal [S], and the meta of an episode that has both."""

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
