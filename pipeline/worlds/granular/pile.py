"""A pile of grains, one layer deep."""

import numpy as np

from pipeline.worlds._shared.planar import Places, Scene, shift
from pipeline.worlds._shared.planar.simulation import particle

RADIUS = 0.11
SPREAD = 0.165  # of a new pile: its radius is this times the root of the number of grains
GOLDEN = np.pi * (3 - np.sqrt(5))
COLOURS = (".78 .6 .35 1", ".68 .48 .26 1", ".58 .4 .22 1")


class Pile:
    """Frictionless grains that cannot pass each other; see `planar.Thing`."""

    reached = 0.2  # half of what a push changes: .36 in the median

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

    def lay(self, rng: np.random.Generator) -> Places:
        """Grains strewn evenly over an ellipse about the middle (Vogel 1979), in random order."""
        order = rng.permutation(self.grains)
        off, turn = SPREAD * np.sqrt(order + 0.5), order * GOLDEN + rng.uniform(0, 2 * np.pi)
        ratio = rng.uniform(0.8, 1.2)  # published: of the widths along x and z
        disc = np.stack([off * np.cos(turn), off * np.sin(turn)], -1)
        strewn = disc * np.array([np.sqrt(ratio), 1 / np.sqrt(ratio)])
        return strewn + rng.normal(0, 0.04, strewn.shape) + rng.uniform(-0.5, 0.5, 2)

    def rearrange(self, places: Places, rng: np.random.Generator) -> Places:
        """The pile scaled about the middle by .6 to .9, and shifted."""
        return places * rng.uniform(0.6, 0.9) + shift(rng)
