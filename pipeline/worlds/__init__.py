"""Simulators: each records episodes of the data set of its name; most can also be planned in."""

from collections.abc import Iterator
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pipeline.episodes.episode import Episode, Meta
from pipeline.families import Family, Module, family
from pipeline.params import Params


class WorldOptions(Params):
    """Base of the Options of every world: how much it records."""

    episodes: int = Field(gt=1)
    steps: int = Field(gt=1, description="frames per episode")
    own_split: ClassVar[bool] = False
    """Whether its layout holds a validation split, so that ingest draws none."""

    @property
    def frame_size(self) -> tuple[int, int] | None:
        """Height and width of the frames in pixels; None if no option says it."""
        return None


class Recorder(Protocol):
    """A deterministic simulator that records episodes.

    `worlds/NAME/` offers `Options`, a subclass of WorldOptions, and `build(options)`, which returns
    a Recorder or a World. States and actions have the units of the data set of the same name.
    """

    def collect(self, episodes: int, steps: int, seed: int) -> Iterator[Episode]:
        """Record episodes of `steps` frames with the collection policy; reproducible by seed."""


@runtime_checkable
class World(Recorder, Protocol):
    """A recorder that can be restored to any recorded state: planning runs in it."""

    state_dim: int
    """Size S of a state."""
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    """Bounds of the action space, [A] each."""

    def sample(
        self, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], Meta]:
        """Draw a task: start state [S], goal state [S], and the meta of the episode of both."""

    def restore(self, state: NDArray[np.float32], meta: Meta) -> None:
        """Set the state [S], of an episode with this `meta`."""

    def snapshot(self) -> NDArray[np.float32]:
        """The current state [S]; restoring it changes nothing."""

    def step(self, action: NDArray[np.float32]) -> None:
        """Apply one action [A]."""

    def render(self) -> NDArray[np.uint8]:
        """The current frame, uint8 [H, W, 3] RGB."""

    def distance(self, state: NDArray[np.float32], goal: NDArray[np.float32]) -> float:
        """Distance of a state [S] to a goal state [S], in the world's units."""

    def success(self, state: NDArray[np.float32], goal: NDArray[np.float32]) -> bool:
        """Whether a state [S] counts as having reached the goal [S]."""


WORLDS: Family[Module[Recorder, WorldOptions], WorldOptions] = family("worlds")
