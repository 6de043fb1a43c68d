"""The collection policy of PushT: walk round the block, push it, and repeat."""

import numpy as np
from numpy.typing import NDArray

from pipeline.worlds.pusht.physics import (
    ACTION_UNIT,
    CENTRE_OF_GRAVITY,
    SIDE,
    TAU,
    State,
    wrap_angle,
)

STRIDE = 28.0  # px to the target: actions get a std of .2, as published
NOISE = 0.08  # std of the noise on actions, in units of an action
ORBIT = 112.0  # px from the block's centre, clear of its corners, at which the agent walks
LEAD = 0.6  # rad that the agent aims ahead on its orbit
ALIGNED = 0.25  # rad from the line of a push within which it begins
MAX_DEVIATION = 0.9  # rad of a push's direction from the centre of the arena
MAX_OFFSET = 40.0  # px by which a push may miss the block's centre, which turns the block
LENGTHS = (15, 35)  # steps of a push
MARGIN = 22.0  # px from the edge of the arena that the agent keeps

Vector = NDArray[np.float64]


def random_state(rng: np.random.Generator) -> State:
    """A random state [7], at rest, drawn as published; agent, block and walls may overlap."""
    agent, block = rng.integers(50, 450, 2), rng.integers(100, 400, 2)
    angle = wrap_angle(rng.normal() * TAU - np.pi)
    return np.array([*agent, *block, angle, 0, 0], np.float32)


class Pusher:
    """Pushes the block again and again, in random directions."""

    def __init__(self, rng: np.random.Generator) -> None:
        """A policy that draws its first push at the first step."""
        self.rng = rng
        self.steps_left = 0  # of the current push
        self.pushing = False
        self.direction, self.offset = 0.0, 0.0

    def act(self, state: State) -> NDArray[np.float32]:
        """The next action [2] in a state [7]."""
        agent, block = state[:2].astype(np.float64), _centre(state)
        if self.steps_left == 0:
            self._draw_push(block)
        bearing = np.arctan2(*(agent - block)[::-1])
        turn = (self.direction - bearing) % TAU - np.pi  # to behind the block
        self.pushing |= abs(turn) < ALIGNED
        if self.pushing:
            self.steps_left -= 1
            displacement = self._push(agent - block)
        else:
            displacement = block + ORBIT * _unit(bearing + np.clip(turn, -LEAD, LEAD)) - agent
        displacement *= min(1.0, STRIDE / float(np.linalg.norm(displacement)))
        target = np.clip(agent + displacement, MARGIN, SIDE - MARGIN)
        action = (target - agent) / ACTION_UNIT + self.rng.normal(0, NOISE, 2)
        return np.clip(action, -1, 1).astype(np.float32)

    def _draw_push(self, block: Vector) -> None:
        """Draw the direction of a push, roughly towards the centre of the arena, and its length."""
        inward = np.arctan2(*(SIDE / 2 - block)[::-1])
        self.direction = inward + self.rng.uniform(-MAX_DEVIATION, MAX_DEVIATION)
        self.offset = self.rng.uniform(-MAX_OFFSET, MAX_OFFSET)
        self.steps_left = int(self.rng.integers(LENGTHS[0], LENGTHS[1], endpoint=True))
        self.pushing = False

    def _push(self, position: Vector) -> Vector:
        """Step along the push and back to its line, from a position relative to the block."""
        normal = _unit(self.direction + np.pi / 2)
        return ACTION_UNIT * _unit(self.direction) + (self.offset - position @ normal) / 2 * normal


def _centre(state: State) -> Vector:
    """The block's centre of gravity [2]."""
    offset = CENTRE_OF_GRAVITY[1] * _unit(float(state[4]) + np.pi / 2)
    return state[2:4].astype(np.float64) + offset


def _unit(angle: float) -> Vector:
    return np.array([np.cos(angle), np.sin(angle)])
