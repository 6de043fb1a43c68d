"""Granular: a board pushes grains on a table (DINO-WM's deformable data, Zhou et al. 2024).

Layout, units, policy, camera and goals are the published ones; the physics is not: FleX needs a GPU
and is no longer maintained. The published states are particles of FleX's grains: goals of the
published data cannot be restored here, only those of simulated data. `state_dim` tells them apart.
"""

from pydantic import Field

from pipeline.worlds._shared import planar
from pipeline.worlds._shared.planar.world import Planar
from pipeline.worlds.granular.pile import Pile


class Options(planar.Options):
    """Options of the granular world."""

    particles: int = Field(ge=2, le=100, description="number of grains; a state has 4 values each")


def build(options: Options) -> Planar:
    """The world."""
    return Planar(Pile(options.particles), options.size)
