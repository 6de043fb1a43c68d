"""Simulators: each records episodes of the data set of its name; most can also be planned in."""

from collections.abc import Iterator, Mapping
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pipeline.episodes.cameras import Cameras
from pipeline.episodes.controls import Controls
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

    def distractor_frames(self) -> NDArray[np.uint8] | None:
        """Frames [K, H, W, 3] of nothing but the world's distractor, at each of its K places.

        A distractor is an object that stands at a random one of these places in every frame, in
        colour channels of its own. None if the world has none.
        """
        return None


class Recorder(Protocol):
    """A deterministic simulator that records episodes.

    `worlds/NAME/` offers `Options`, a subclass of WorldOptions, and `build(options)`, which returns
    a Recorder or a World. States and actions have the units of the data set of the same name.
    """

    controls: ClassVar[Controls | None] = None
    """How a person acts in it; None gives every component of an action a slider."""

    def collect(self, episodes: int, steps: int, seed: int) -> Iterator[Episode]:
        """Record episodes of `steps` frames with the collection policy; reproducible by seed."""


@runtime_checkable
class World(Recorder, Protocol):
    """A recorder that can be restored to any recorded state: planning runs in it.

    Inherit from it for its default methods.
    """

    state_dim: int
    """Size S of a state."""
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    """Bounds of the action space, [A] each."""
    obstacles: ClassVar[bool] = False
    """Whether something can be in the way straight to a goal: see `detour`."""

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

    def cameras(self, states: NDArray[np.float32], meta: Meta) -> Cameras | None:
        """Cameras, with depth, of the frames of states [N, S] of an episode with this `meta`.

        None where frames are no pictures of a scene in 3-D. The current state is not kept.
        """
        return None

    def locate(
        self, frames: NDArray[np.uint8], start: NDArray[np.float32], steps: int, meta: Meta
    ) -> NDArray[np.float32] | None:
        """States [N, S] of which frames uint8 [N, H, W, 3] are most likely pictures.

        Frames are `steps` steps apart, the first that far from the state `start` [S]; they may have
        any size, and show what no state shows. Each is sought around the state of the one before,
        in every direction as far as in the opposite one, and farther than any action leads: what
        was done does not show in what is found. The current state is not kept. None where the
        world cannot tell.
        """
        return None

    def distance(self, state: NDArray[np.float32], goal: NDArray[np.float32]) -> float:
        """Distance of a state [S] to a goal state [S], in the world's units."""

    def success(self, state: NDArray[np.float32], goal: NDArray[np.float32]) -> bool:
        """Whether a state [S] counts as having reached the goal [S]."""

    def scores(self, state: NDArray[np.float32], goal: NDArray[np.float32]) -> Mapping[str, float]:
        """What else a benchmark of this world reports of a state [S] and a goal [S], by name."""
        return {}

    def coordinates(self, states: NDArray[np.float32]) -> NDArray[np.float32]:
        """What of states [N, S] matters to `distance`, [N, D], continuous in what a frame shows.

        `distance` is about their Euclidean distance, and never more than twice that. Planners that
        know states minimise it, and the probe reads coordinates from latents.
        """

    def straight(self, goal: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """The action [A] that heads straight for a goal state [S] from the current state.

        It looks at nothing that is in the way. None if nothing is meant by that in this world.
        """
        return None

    def detour(self, goal: NDArray[np.float32]) -> bool:
        """Whether the way to a goal state [S] from the current state leads round something."""
        return False

    def simulate(
        self, state: NDArray[np.float32], meta: Meta, actions: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """States [N, T, S] after each of N sequences of actions [N, T, A] from a state [S].

        Those of `restore` and `step`, bit for bit. The current state is not kept: restore it.
        """
        states = np.empty((*actions.shape[:2], len(state)), np.float32)
        for row, sequence in enumerate(actions):
            self.restore(state, meta)
            for step, action in enumerate(sequence):
                self.step(action)
                states[row, step] = self.snapshot()
        return states

    def draw(self, states: NDArray[np.float32], meta: Meta) -> NDArray[np.uint8]:
        """Frames uint8 [N, H, W, 3] of states [N, S] of an episode with this `meta`.

        Those of `restore` and `render`, bit for bit. The current state is not kept: restore it.
        """
        frames = []
        for state in states:
            self.restore(state, meta)
            frames.append(self.render())
        return np.stack(frames)


WORLDS: Family[Module[Recorder, WorldOptions], WorldOptions] = family("worlds")
