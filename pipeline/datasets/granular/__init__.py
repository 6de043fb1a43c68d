"""DINO-WM's `deformable/granular` layout: the files of `rope`; the particles are grains."""

from pipeline.datasets import DatasetOptions
from pipeline.datasets._shared.dino_wm import TensorLayout, deformable


class Options(DatasetOptions):
    """Options of the granular data set."""


def build(options: Options) -> TensorLayout:
    """The data set's reader and writer."""
    return deformable("granular")
