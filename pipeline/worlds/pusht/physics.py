"""How PushT moves: a disc led by a PD controller pushes a block that never glides (DINO-WM's env).

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
BALANCE = (0.0, 45.0)  # the block's centre of gravity in its own frame

REACH = 100.0  # pixels that the target of an action of length 1 is away from the agent
SUBSTEPS = 10
DT = 0.01  # seconds a substep
STIFFNESS, DRAG = 100.0, 20.0  # of the PD controller, critically damped
TAU = 2 * np.pi  # a full turn

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in the frame of a body."""
State = NDArray[np.float32]
"""Agent x, y; block x, y, angle in [0, 2 pi); agent vx, vy: pixels, radians, pixels a second."""


class Physics:
    """One space with the agent and the block in it."""

    def __init__(self, state: State) -> None:
        """Put agent and block where a state [7] has them, the block pushed as it is there."""
        import pymunk

        x, y, block_x, block_y, angle, vx, vy = state.tolist()
        self.space = pymunk.Space()
        self.space.damping = 0  # a body forgets its velocity in every substep: no gliding
        _add_walls(self.space)
        self.agent = pymunk.Body(body_type=pymunk.Body.KINEMATIC)
        self.space.add(self.agent, pymunk.Circle(self.agent, RADIUS))
        self.block = _add_tee(self.space)
        # Turning is about the centre of gravity and so moves the origin: the angle goes first.
        self.block.angle = angle
        self.block.position = block_x, block_y
        # A state lacks how fast the agent pushes the block in it. Living through the substep that
        # led there tells: the agent comes from where it was, the block has no velocity yet.
        self.agent.position, self.agent.velocity = (x - vx * DT, y - vy * DT), (vx, vy)
        self.space.step(DT)

    def state(self) -> State:
        """The present state [7], rounded to what a data set stores."""
        angle = wrapped(self.block.angle)
        body = (*self.agent.position, *self.block.position, angle, *self.agent.velocity)
        return np.array(body, np.float32)

    def step(self, action: NDArray[np.float32]) -> None:
        """Lead the agent for 0.1 s towards the point `REACH * action` [2] away from it."""
        goal_x, goal_y = (
            here + REACH * offset
            for here, offset in zip(self.agent.position, action.tolist(), strict=True)
        )
        for _ in range(SUBSTEPS):
            (x, y), (vx, vy) = self.agent.position, self.agent.velocity
            push_x = STIFFNESS * (goal_x - x) - DRAG * vx
            push_y = STIFFNESS * (goal_y - y) - DRAG * vy
            self.agent.velocity = vx + push_x * DT, vy + push_y * DT
            self.space.step(DT)


def wrapped(angle: float) -> np.float32:
    """An angle in [0, 2 pi) as it is stored; what is only rounded up to 2 pi becomes 0."""
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


def _add_tee(space: "Space") -> "Body":
    import pymunk

    # The published block counts the bar's moment of inertia twice, the stem's never.
    body = pymunk.Body(1, 2 * pymunk.moment_for_poly(1, corners(BAR)))
    shapes: list[Poly] = [pymunk.Poly(body, corners(box)) for box in (BAR, STEM)]
    body.center_of_gravity = BALANCE
    space.add(body, *shapes)
    return body
