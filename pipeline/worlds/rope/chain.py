"""A rope as a chain of beads."""

import numpy as np

from pipeline.worlds._shared.planar import Positions, Scene, goal_shift
from pipeline.worlds._shared.planar.simulation import particle

LENGTH = 3.9
RADIUS = 0.08
STIFFNESS = 0.95  # fraction of its bend that a free bead loses per step
BENDS = (1.2, 0.6, 0.4)  # std in rad of the initial heading's one, two and three half waves


class Chain:
    """A rope that resists bending and may cross itself; a `planar.Deformable`.

    Beads collide with the pusher but not with each other.
    """

    success_distance = 0.6  # half of the median change by a push, 1.2

    def __init__(self, beads: int) -> None:
        """A rope of `beads` beads."""
        self.beads = beads
        self.link = LENGTH / (beads - 1)
        geom = f'<geom type="sphere" size="{RADIUS}" group="3" contype="0" conaffinity="1"/>'
        self.scene = Scene(
            bodies="".join(particle(f"{i}", i * self.link, RADIUS, geom) for i in range(beads)),
            bonds=f"<tendon>{self._tendons()}</tendon><equality>{self._equalities()}</equality>",
            height=RADIUS,
            pusher=(0.12, 0.12),
        )

    def sample_start(self, rng: np.random.Generator) -> Positions:
        """A smooth curve of random direction at the centre."""
        along = np.linspace(0, np.pi, self.beads - 1)
        heading = np.full(self.beads - 1, rng.uniform(0, 2 * np.pi))
        for wave, std in enumerate(BENDS, 1):
            bend, phase = rng.normal(0, std), rng.uniform(0, 2 * np.pi)
            heading += bend * np.sin(wave * along + phase)
        links = self.link * np.stack([np.cos(heading), np.sin(heading)], -1)
        positions = np.concatenate([np.zeros((1, 2)), np.cumsum(links, 0)])
        return positions - positions.mean(0) + rng.uniform(-0.5, 0.5, 2)

    def sample_goal(self, positions: Positions, rng: np.random.Generator) -> Positions:
        """The rope rotated about the centre by up to 90 degrees, and shifted."""
        angle = rng.uniform(0, np.pi / 2)
        cos, sin = np.cos(angle), np.sin(angle)
        return positions @ np.array([[cos, sin], [-sin, cos]]) + goal_shift(rng)

    def _tendons(self) -> str:
        """MJCF of the visible segments, and of the bends x[i-1] - 2 x[i] + x[i+1] on each axis."""
        segments = "".join(
            f'<spatial name="link{i}" width="{RADIUS}" rgba=".62 .3 .12 1">'
            f'<site site="{i}"/><site site="{i + 1}"/></spatial>'
            for i in range(self.beads - 1)
        )
        return segments + "".join(
            f'<fixed name="bend{axis}{i}"><joint joint="{axis}{i - 1}" coef="1"/>'
            f'<joint joint="{axis}{i}" coef="-2"/><joint joint="{axis}{i + 1}" coef="1"/></fixed>'
            for i in range(1, self.beads - 1)
            for axis in "xy"
        )

    def _equalities(self) -> str:
        """MJCF of the constraints: hard on the length of links, soft on bends."""
        links = "".join(f'<tendon tendon1="link{i}"/>' for i in range(self.beads - 1))
        return links + "".join(
            f'<tendon tendon1="bend{axis}{i}" solimp="{STIFFNESS} {STIFFNESS} .001"/>'
            for i in range(1, self.beads - 1)
            for axis in "xy"
        )
