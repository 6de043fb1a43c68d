"""DINO-WM's `wall_single` layout: channels-first frames, episodes of equal length.

states.pth [N, T, 2], or [N, T, 3] with a distractor, which was never published; actions.pth
[N, T, 2], door_locations.pth and wall_locations.pth [N, T] or [N, T, 1], obses/episode_000.pth
[T, 3, H, W] in 0..255. Positions are pixels of a 65 x 65 image.
"""

from pathlib import Path

from pipeline.formats import DatasetOptions, Detected
from pipeline.formats._shared.dino_wm import TensorLayout


class Options(DatasetOptions):
    """The options of every data set."""


def build(options: Options) -> TensorLayout:
    """The format's reader and writer."""
    return TensorLayout(
        name="wall",
        interval=5,
        states=(-2,),
        actions=(2,),
        frames="obses/episode_{:03d}.pth",
        channels_first=True,
        constants={"door": "door_locations", "wall": "wall_locations"},
    )


def detect(folder: Path) -> Detected | None:
    """It alone has tables of doors."""
    if (folder / "door_locations.pth").is_file() and (folder / "states.pth").is_file():
        return Detected("DINO-WM wall_single")
    return None
