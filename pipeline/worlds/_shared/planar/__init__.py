"""The Rope and Granular worlds: particles on a table; an action is one whole push.

Lengths are units of DINO-WM's FleX scenes: 10 to the metre, y is up. Positions on the table are
(x, y) with y = -z, as in the actions: published actions have the sign of z flipped.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pipeline.worlds import WorldOptions

Positions = NDArray[np.float64]
"""Positions of P particles on the table, [P, 2]."""


class Options(WorldOptions):
    """Options that both worlds have."""

    size: int = Field(ge=16, description="height and width of the frames in pixels")

    @property
    def frame_size(self) -> tuple[int, int]:
        """Height and width of the frames in pixels."""
        return self.size, self.size


@dataclass(frozen=True, slots=True)
class Scene:
    """The MuJoCo scene: the particles and the pusher.

    Attributes:
        bodies: MJCF of the particles' bodies, in order; see `simulation.particle`.
        bonds: MJCF of the constraints between them; may be empty.
        height: of the particles' centres above the table.
        pusher: half sizes of the pusher along its path and across it.
    """

    bodies: str
    bonds: str
    height: float
    pusher: tuple[float, float]


class Deformable(Protocol):
    """A deformable object made of particles."""

    scene: Scene
    success_distance: float
    """Chamfer distance to the goal below which it counts as reached."""

    def sample_start(self, rng: np.random.Generator) -> Positions:
        """Random initial positions [P, 2] of an episode."""

    def sample_goal(self, positions: Positions, rng: np.random.Generator) -> Positions:
        """A random goal [P, 2] made from initial positions [P, 2]."""


def goal_shift(rng: np.random.Generator) -> NDArray[np.float64]:
    """Random shift [2] of a goal: the same distance, at most 1, on both axes, signs at random."""
    return rng.uniform(0, 1) * rng.choice([-1.0, 1.0], 2)
