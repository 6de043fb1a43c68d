"""Granular: a board pushes grains about on a table (DINO-WM's deformable set, Zhou et al. 2024).

Layout, units, policy, camera and goals are the published ones; the physics are not, for FleX needs
a GPU and is no longer built. The published states are particles of FleX's grains: goals of the
published data cannot be restored here, only those of simulated data. `state_dim` tells them apart.
"""

from pydantic import Field

from pipeline.worlds._shared import planar as _planar
from pipeline.worlds._shared.planar.world import Planar
from pipeline.worlds.granular.pile import Pile


class Options(_planar.Options):
    """The grains and how their episodes are collected."""

    particles: int = Field(ge=2, le=100, description="grains; a state has 4 numbers each")


def build(options: Options) -> Planar:
    """The simulator."""
    return Planar(Pile(options.particles), options.size)
