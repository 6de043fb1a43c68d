"""A pile of grains, one layer deep."""

import numpy as np

from pipeline.worlds._shared.planar import Positions, Scene, goal_shift
from pipeline.worlds._shared.planar.simulation import particle

RADIUS = 0.11
SPACING = 0.165  # initial radius of a pile, divided by the square root of its number of grains
GOLDEN = np.pi * (3 - np.sqrt(5))
COLOURS = (".78 .6 .35 1", ".68 .48 .26 1", ".58 .4 .22 1")


class Pile:
    """Frictionless grains that cannot overlap; a `planar.Deformable`."""

    success_distance = 0.2  # half of the median change by a push, .36

    def __init__(self, grains: int) -> None:
        """A pile of `grains` grains."""
        self.grains = grains
        geoms = [f'<geom type="sphere" size="{RADIUS}" rgba="{colour}"/>' for colour in COLOURS]
        self.scene = Scene(
            bodies="".join(
                particle(f"{i}", 2 * RADIUS * i, RADIUS, geoms[i % len(geoms)])
                for i in range(grains)
            ),
            bonds="",
            height=RADIUS,
            pusher=(0.1, 0.65),
        )

    def sample_start(self, rng: np.random.Generator) -> Positions:
        """Grains evenly spread over an ellipse at the centre (Vogel 1979), in random order."""
        order = rng.permutation(self.grains)
        radius, angle = SPACING * np.sqrt(order + 0.5), order * GOLDEN + rng.uniform(0, 2 * np.pi)
        ratio = rng.uniform(0.8, 1.2)  # of the widths along x and z, as published
        disc = np.stack([radius * np.cos(angle), radius * np.sin(angle)], -1)
        ellipse = disc * np.array([np.sqrt(ratio), 1 / np.sqrt(ratio)])
        return ellipse + rng.normal(0, 0.04, ellipse.shape) + rng.uniform(-0.5, 0.5, 2)

    def sample_goal(self, positions: Positions, rng: np.random.Generator) -> Positions:
        """The pile scaled about the centre by .6 to .9, and shifted."""
        return positions * rng.uniform(0.6, 0.9) + goal_shift(rng)
