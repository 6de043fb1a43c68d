"""DINO-WM's `deformable` layout (rope, granular): states of particles, one folder per episode.

states.pth [N, T, P, 4] holds x, height, z and inverse mass of P particles (points of a rope, or
grains); an Episode has them flattened to [T, P * 4]. actions.pth [N, T, 4] holds pushes from x, z
to x, z. Lengths are FleX units, 10 to the metre. 000000/obses.pth [T, H, W, 3] in 0..255 shows the
scene at rest before each push. Sets whose episodes differ in length have a seq_lengths.pth.
"""

from pathlib import Path

from pipeline.formats import DatasetOptions, Detected
from pipeline.formats._shared.dino_wm import TensorLayout


class Options(DatasetOptions):
    """The options of every data set."""


def build(options: Options) -> TensorLayout:
    """The format's reader and writer."""
    return TensorLayout(
        name="deformable",
        interval=1,
        states=(-1, 4),
        actions=(4,),
        frames="{:06d}/obses.pth",
        key="episode_{:06d}",
    )


def detect(folder: Path) -> Detected | None:
    """Tables, and a folder for the frames of each episode."""
    names = ("states.pth", "actions.pth", "000000/obses.pth")
    if all((folder / name).is_file() for name in names):
        return Detected("DINO-WM deformable")
    return None
