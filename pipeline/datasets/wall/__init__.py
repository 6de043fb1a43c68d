"""DINO-WM's `wall_single` layout: channels-first frames, episodes of equal length.

states.pth [N, T, 2], actions.pth [N, T, 2], door_locations.pth and wall_locations.pth [N, T] or
[N, T, 1], obses/episode_000.pth [T, 3, H, W] in 0..255. Positions are pixels of a 65 x 65 image.
"""

from pipeline.datasets import DatasetOptions
from pipeline.datasets._shared.dino_wm import TensorLayout


class Options(DatasetOptions):
    """Options of the wall data set."""


def build(options: Options) -> TensorLayout:
    """The data set's reader and writer."""
    return TensorLayout(
        name="wall",
        interval=5,
        states=(2,),
        actions=(2,),
        frames="obses/episode_{:03d}.pth",
        channels_first=True,
        constants={"door": "door_locations", "wall": "wall_locations"},
    )
