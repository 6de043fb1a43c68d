"""PushT: a disc pushes a T-shaped block about a table (DINO-WM, Zhou et al. 2024, app. A).

A state [7] is agent x, y; block x, y, angle in [0, 2 pi); agent vx, vy, in pixels of a 512 x 512
world (y down), radians, and pixels a second. The block's place is the middle of its bar's outer
edge. An action [2] says where the agent's target lies from it, in units of 100 px.

pymunk remembers more than a state: how fast the block is pushed, and the impulses of its contacts.
A restored state gets the former back (see `Physics`) and does without the latter, so an episode
continued from its middle comes out close to what was recorded, not equal. Measured, 400 segments of
25 steps: agent within 0.0001 px; block within 0.01 px in 98.75 % (94 % of those that start while it
is pushed), 0.11 px on average, as a knife-edge contact may go either way (31 px once); 99.75 % end
within the success radius. Two replays from one state are equal bit for bit.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pipeline.episodes.episode import Episode, Meta
from pipeline.errors import DataError
from pipeline.worlds import Recording
from pipeline.worlds._shared.record import record
from pipeline.worlds.pusht.physics import TAU, Physics, State
from pipeline.worlds.pusht.picture import Picture
from pipeline.worlds.pusht.policy import Pusher, random_state

SHAPE = "T"
NEAR, ALIGNED = 20.0, 20.0  # success radii as published: pixels, and degrees (pi / 9)
AT_FIRST = (128, 128, 256, 256, np.pi / 4, 0, 0)


class Options(Recording):
    """How much is recorded, and how large; table, block and policy are as published."""

    size: int = Field(ge=16, description="height and width of the frames (published: 224)")


def build(options: Options) -> "PushT":
    """The simulator."""
    return PushT(options)


class PushT:
    """One table with the T on it; see `pipeline.worlds.World`."""

    state_dim = 7
    low, high = np.full(2, -1, np.float32), np.full(2, 1, np.float32)

    def __init__(self, options: Options) -> None:
        """Start with the block on the drawn goal and the agent beside it."""
        self.picture = Picture(options.size)
        self.restore(np.array(AT_FIRST, np.float32), {"shape": SHAPE})

    def sample(self, rng: np.random.Generator) -> tuple[State, State, Meta]:
        """Two published random states, at rest; a goal may well be out of reach."""
        return random_state(rng), random_state(rng), {"shape": SHAPE}

    def restore(self, state: State, meta: Meta) -> None:
        """Put agent and block where a state [7] has them.

        Raises:
            DataError: the episode's block is no T.
        """
        if meta["shape"] != SHAPE:
            raise DataError(
                f"the PushT world has a block of shape {SHAPE!r}, not {meta['shape']!r}; "
                f"keep the episodes of shape {SHAPE!r}"
            )
        self.physics = Physics(state)

    def snapshot(self) -> State:
        """The present state [7]."""
        return self.physics.state()

    def step(self, action: NDArray[np.float32]) -> None:
        """Lead the agent towards its target, 100 px times the action [2] away, for 0.1 s."""
        self.physics.step(action)

    def render(self) -> NDArray[np.uint8]:
        """The present frame, [size, size, 3]."""
        return self.picture.draw(self.snapshot())

    def distance(self, state: State, goal: State) -> float:
        """Length of the difference in agent x, y, block x, y (pixels) and block angle (degrees).

        The success radii, 20 pixels and 20 degrees, weigh a pixel like a degree.
        """
        return float(np.hypot(*_apart(state, goal)))

    def success(self, state: State, goal: State) -> bool:
        """Agent and block within 20 pixels together, and the block's angle within pi / 9."""
        pixels, degrees = _apart(state, goal)
        return pixels < NEAR and degrees < ALIGNED

    def collect(self, episodes: int, steps: int, seed: int) -> Iterator[Episode]:
        """Record `episodes` episodes of `steps` frames, one push after another."""
        rng = np.random.default_rng(seed)
        for index in range(episodes):
            self._begin(rng)
            key, pusher = f"episode_{index:03d}", Pusher(rng)
            yield record(self, key, steps, pusher.act, {"shape": SHAPE})

    def _begin(self, rng: np.random.Generator) -> None:
        """A random state in which nothing overlaps: left alone, it stays as it is."""
        while True:
            start = random_state(rng)
            self.restore(start, {"shape": SHAPE})
            self.step(np.zeros(2, np.float32))
            if np.array_equal(self.snapshot(), start):
                self.restore(start, {"shape": SHAPE})
                return


def _apart(state: State, goal: State) -> tuple[float, float]:
    """Pixels between agents and blocks (length of the 4-vector), and degrees between blocks."""
    difference = np.asarray(goal, np.float64) - state
    turned = abs(difference[4]) % TAU
    degrees = np.degrees(min(turned, TAU - turned))
    return float(np.linalg.norm(difference[:4])), float(degrees)
