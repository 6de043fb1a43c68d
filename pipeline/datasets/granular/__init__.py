"""DINO-WM's `deformable/granular` layout: as `rope`, and its particles are grains."""

from pipeline.datasets import DatasetOptions
from pipeline.datasets._shared.dino_wm import TensorLayout, deformable


class Options(DatasetOptions):
    """Where the set lies and how models are fed from it."""


def build(options: Options) -> TensorLayout:
    """The layout's reader and writer."""
    return deformable("granular")
