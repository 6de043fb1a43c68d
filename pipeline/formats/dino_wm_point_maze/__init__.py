"""DINO-WM's `point_maze` layout: channels-last frames, lengths in a tensor.

states.pth [N, T, 4] (x, y and their velocities), actions.pth [N, T, 2] in -1..1, seq_lengths.pth
[N], obses/episode_000.pth [T, H, W, 3] in 0..255, as a tensor or a numpy array.
"""

from pathlib import Path

from pipeline.formats import DatasetOptions, Detected
from pipeline.formats._shared.dino_wm import TensorLayout


class Options(DatasetOptions):
    """The options of every data set."""


def build(options: Options) -> TensorLayout:
    """The format's reader and writer."""
    return TensorLayout(
        name="point_maze",
        interval=5,
        states=(4,),
        actions=(2,),
        frames="obses/episode_{:03d}.pth",
        lengths="seq_lengths.pth",
    )


def detect(folder: Path) -> Detected | None:
    """Tables with lengths, and frames as tensors; those of wall_single beside doors."""
    names = ("states.pth", "actions.pth", "seq_lengths.pth", "obses/episode_000.pth")
    doors = (folder / "door_locations.pth").is_file()
    if not doors and all((folder / name).is_file() for name in names):
        return Detected("DINO-WM point_maze")
    return None
