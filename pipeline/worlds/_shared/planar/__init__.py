"""What the Rope and Granular worlds share: particles on a table, moved by whole pushes.

Lengths are units of DINO-WM's FleX scenes: 10 make a metre, y is up. Places on the table are
(x, y) with y = -z, as in the actions: published actions have the sign of z flipped.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pipeline.worlds import Recording

Places = NDArray[np.float64]
"""Particles [P, 2] on the table."""


class Options(Recording):
    """What the options of both worlds have in common."""

    size: int = Field(ge=16, description="height and width of the frames in pixels")


@dataclass(frozen=True, slots=True)
class Scene:
    """What lies on the table and what pushes it.

    Attributes:
        bodies: MJCF of the particles' bodies, in order; see `simulation.particle`.
        bonds: MJCF that ties them together, or nothing.
        height: of their centres above the table.
        pusher: half the size of the pusher along its path and across it.
    """

    bodies: str
    bonds: str
    height: float
    pusher: tuple[float, float]


class Thing(Protocol):
    """A heap of particles that can be pushed about."""

    scene: Scene
    reached: float
    """Chamfer distance to the goal below which it counts as reached."""

    def lay(self, rng: np.random.Generator) -> Places:
        """A random arrangement, as an episode begins."""

    def rearrange(self, places: Places, rng: np.random.Generator) -> Places:
        """A goal made of an arrangement."""


def shift(rng: np.random.Generator) -> NDArray[np.float64]:
    """How far goals lie from their start [2]: the same distance up to 1 on both axes."""
    return rng.uniform(0, 1) * rng.choice([-1.0, 1.0], 2)
