"""DINO-WM's `deformable/rope` layout: states of particles, one folder per episode.

states.pth [N, T, P, 4] holds x, height, z and inverse mass of P particles (points of a rope); an
Episode has them flattened to [T, P * 4]. actions.pth [N, T, 4] holds pushes from x, z to x, z.
Lengths are FleX units, 10 to the metre. 000000/obses.pth [T, H, W, 3] in 0..255 shows the scene at
rest before each push. Data sets whose episodes differ in length have a seq_lengths.pth.
"""

from pipeline.datasets import DatasetOptions
from pipeline.datasets._shared.dino_wm import TensorLayout, deformable


class Options(DatasetOptions):
    """Options of the rope data set."""


def build(options: Options) -> TensorLayout:
    """The data set's reader and writer."""
    return deformable("rope")
