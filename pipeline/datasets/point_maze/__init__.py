"""DINO-WM's `point_maze` layout: channels-last frames, lengths in a tensor.

states.pth [N, T, 4] (x, y and their velocities), actions.pth [N, T, 2] in -1..1, seq_lengths.pth
[N], obses/episode_000.pth [T, H, W, 3] in 0..255, as a tensor or a numpy array.
"""

from pipeline.datasets import DatasetOptions
from pipeline.datasets._shared.dino_wm import TensorLayout


class Options(DatasetOptions):
    """Options of the point_maze data set."""


def build(options: Options) -> TensorLayout:
    """The data set's reader and writer."""
    return TensorLayout(
        name="point_maze",
        interval=5,
        states=(4,),
        actions=(2,),
        frames="obses/episode_{:03d}.pth",
        lengths="seq_lengths.pth",
    )
