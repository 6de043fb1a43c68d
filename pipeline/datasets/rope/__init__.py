"""DINO-WM's `deformable/rope` layout: a state of many particles, a folder for each episode.

states.pth [N, T, P, 4] holds x, height, z and inverse mass of P particles (points of a rope); an
Episode has them flattened to [T, P * 4]. actions.pth [N, T, 4] holds pushes from x, z to x, z.
Lengths are FleX's: 10 are a metre. 000000/obses.pth [T, H, W, 3] in 0..255 shows the scene at rest
before each push. Sets whose episodes differ in length have a seq_lengths.pth.
"""

from pipeline.datasets import DatasetOptions
from pipeline.datasets._shared.dino_wm import TensorLayout, deformable


class Options(DatasetOptions):
    """Where the set lies and how models are fed from it."""


def build(options: Options) -> TensorLayout:
    """The layout's reader and writer."""
    return deformable("rope")
