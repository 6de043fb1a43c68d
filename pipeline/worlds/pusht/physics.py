"""Physics of PushT: a disc under PD control pushes a block without inertia (DINO-WM's env).

The world is 512 x 512 px, y down. Control runs at 10 Hz, physics at 100 Hz.
"""

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pymunk import Body, Poly, Space

SIDE = 512
RADIUS = 15.0  # of the agent
WALLS = (5.0, 506.0)  # middle of the four walls
THICKNESS = 2.0  # half the width of a wall
BAR = (-60.0, 0.0, 60.0, 30.0)  # left, top, right, bottom in the block's own frame
STEM = (-15.0, 30.0, 15.0, 120.0)
CENTRE_OF_GRAVITY = (0.0, 45.0)  # in the block's own frame

ACTION_UNIT = 100.0  # px
SUBSTEPS = 10
DT = 0.01  # seconds a substep
KP, KD = 100.0, 20.0  # gains of the PD controller, critically damped
TAU = 2 * np.pi

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in the frame of a body."""
State = NDArray[np.float32]
"""Agent x, y; block x, y, angle in [0, 2 pi); agent vx, vy: pixels, radians, pixels/s."""


class Physics:
    """A pymunk space with the agent and the block."""

    def __init__(self, state: State) -> None:
        """Restore a state [7], and with it the velocity of a block that is being pushed."""
        import pymunk

        x, y, block_x, block_y, angle, vx, vy = state.tolist()
        self.space = pymunk.Space()
        self.space.damping = 0  # velocities decay fully in every substep: no inertia
        _add_walls(self.space)
        self.agent = pymunk.Body(body_type=pymunk.Body.KINEMATIC)
        self.space.add(self.agent, pymunk.Circle(self.agent, RADIUS))
        self.block = _add_block(self.space)
        # Setting the angle rotates about the centre of gravity and moves the origin: it goes first.
        self.block.angle = angle
        self.block.position = block_x, block_y
        # A state lacks the velocity of a pushed block. Simulating the substep that led to it
        # recovers it: the agent starts where it was, the block without velocity.
        self.agent.position, self.agent.velocity = (x - vx * DT, y - vy * DT), (vx, vy)
        self.space.step(DT)

    def state(self) -> State:
        """The current state [7], rounded to float32, as the data set stores it."""
        angle = wrap_angle(self.block.angle)
        body = (*self.agent.position, *self.block.position, angle, *self.agent.velocity)
        return np.array(body, np.float32)

    def step(self, action: NDArray[np.float32]) -> None:
        """Steer the agent for 0.1 s towards the point `ACTION_UNIT * action` [2] away from it."""
        target_x, target_y = (
            position + ACTION_UNIT * offset
            for position, offset in zip(self.agent.position, action.tolist(), strict=True)
        )
        for _ in range(SUBSTEPS):
            (x, y), (vx, vy) = self.agent.position, self.agent.velocity
            acceleration_x = KP * (target_x - x) - KD * vx
            acceleration_y = KP * (target_y - y) - KD * vy
            self.agent.velocity = vx + acceleration_x * DT, vy + acceleration_y * DT
            self.space.step(DT)


def wrap_angle(angle: float) -> np.float32:
    """An angle in [0, 2 pi) as float32; one that rounds up to 2 pi becomes 0."""
    return np.float32(angle % TAU) % np.float32(TAU)


def corners(box: Box) -> list[tuple[float, float]]:
    """The four corners of left, top, right, bottom."""
    left, top, right, bottom = box
    return [(left, bottom), (right, bottom), (right, top), (left, top)]


def _add_walls(space: "Space") -> None:
    import pymunk

    low, high = WALLS
    ends = [(low, high), (low, low), (high, low), (high, high), (low, high)]
    for start, end in pairwise(ends):
        space.add(pymunk.Segment(space.static_body, start, end, THICKNESS))


def _add_block(space: "Space") -> "Body":
    import pymunk

    # As published: the bar's moment of inertia counts twice, the stem's not at all.
    body = pymunk.Body(1, 2 * pymunk.moment_for_poly(1, corners(BAR)))
    shapes: list[Poly] = [pymunk.Poly(body, corners(box)) for box in (BAR, STEM)]
    body.center_of_gravity = CENTRE_OF_GRAVITY
    space.add(body, *shapes)
    return body
