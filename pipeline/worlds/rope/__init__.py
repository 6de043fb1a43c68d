"""Rope: a stick pushes a rope about on a table (DINO-WM's deformable set, Zhou et al. 2024).

Layout, units, policy, camera and goals are the published ones; the physics are not, for FleX needs
a GPU and is no longer built. The published states are particles of FleX's rope: goals of the
published data cannot be restored here, only those of simulated data. `state_dim` tells them apart.
"""

from pydantic import Field

from pipeline.worlds._shared import planar as _planar
from pipeline.worlds._shared.planar.world import Planar
from pipeline.worlds.rope.chain import Chain


class Options(_planar.Options):
    """The rope and how its episodes are collected."""

    particles: int = Field(ge=16, le=60, description="beads of the rope; a state has 4 each")


def build(options: Options) -> Planar:
    """The simulator."""
    return Planar(Chain(options.particles), options.size)
