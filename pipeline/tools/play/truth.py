"""The simulator, under the same actions as the dream."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes.episode import Meta
from pipeline.tools.play.dream import Frame
from pipeline.worlds import World


@dataclass(frozen=True, slots=True)
class Truth:
    """What really happens, from a recorded state on.

    Attributes:
        world: simulates; no other session's.
        meta: of the episode.
    """

    world: World
    meta: Meta

    def begin(self, state: NDArray[np.float32]) -> Frame:
        """Start from a state [S]; the frame [H, W, 3] as it is recorded."""
        self.world.restore(state, self.meta)
        return self.world.render()

    def step(self, actions: NDArray[np.float32]) -> tuple[Frame, NDArray[np.float32]]:
        """The frame after actions [interval, A], and the states [interval, S] on the way."""
        states = []
        for action in actions:
            self.world.step(action)
            states.append(self.world.snapshot())
        return self.world.render(), np.stack(states)

    def draw(self, states: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Frames [N, H, W, 3] of states [N, S], between two steps."""
        now = self.world.snapshot()
        frames = self.world.draw(states, self.meta)
        self.world.restore(now, self.meta)
        return frames
