"""The frames and cameras of one recorded episode, or of one clip of a rollout."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.episodes import shards, video
from pipeline.episodes.cameras import Cameras, read_cameras
from pipeline.episodes.manifest import MANIFEST, Split, read_manifest
from pipeline.errors import DataError, ParamsError, did_you_mean
from pipeline.files.content import parsing
from pipeline.rollout.card import CARD, FORMAT, ClipCard, RolloutCard
from pipeline.rollout.files import CAMERAS, GENERATED, TRUTH

AGAIN = "write the rollout again with `wm rollout`"
Kind = Literal["recorded", "generated", "truth"]


@dataclass(frozen=True, slots=True)
class Sequence3D:
    """Frames in order, and where they were seen from.

    Attributes:
        name: key of the episode, or name of the clip.
        kind: whether a simulator or a camera recorded them, a model generated them, or they are
            what a model should have generated.
        episode: key of the episode, or name of the file, that they start in.
        start: environment step of the first frame in it.
        interval: environment steps from one frame to the next.
        given: frames at the beginning that were not generated.
        frames: uint8 [T, H, W, 3].
        recorded: height and width of the frames as they were recorded, which cameras are for.
        cameras: None where nobody knows them.
    """

    name: str
    kind: Kind
    episode: str
    start: int
    interval: int
    given: int
    frames: NDArray[np.uint8]
    recorded: tuple[int, int]
    cameras: Cameras | None


def read(folder: Path, name: str | None, truth: bool) -> Sequence3D:
    """One sequence of a folder of shards or of a rollout.

    Args:
        folder: written by ingest or by `wm rollout`.
        name: key of an episode, or name of a clip; None is the first, of an episode for validation.
        truth: take the true frames of a rollout, not the generated ones.

    Raises:
        DataError: the folder is neither, or damaged.
        ParamsError: it has no such episode or clip, or no truth.
    """
    if (folder / CARD).is_file():
        return _of_rollout(folder, name, truth)
    if (folder / MANIFEST).is_file():
        if truth:
            raise ParamsError(f"--truth: {folder} holds recorded episodes alone; leave it out")
        return _of_shards(folder, name)
    raise DataError(
        f"{folder}: holds neither {CARD} nor {MANIFEST}; name a folder that `wm rollout` or "
        "`wm ingest` wrote"
    )


def _chosen(names: Sequence[str], name: str | None, folder: Path) -> str:
    if name is None:
        return names[0]
    if name not in names:
        known = did_you_mean(name, names) if len(names) < 20 else f"such as {names[0]}"
        raise ParamsError(f"--clip {name}: {folder} has no such episode or clip; {known}")
    return name


def _of_shards(folder: Path, name: str | None) -> Sequence3D:
    manifest = read_manifest(folder)
    order: tuple[Split, ...] = ("val", "train")
    keys = [k for split in order for s in manifest.shards if s.split == split for k in s.episodes]
    (episode,) = shards.select(folder, [_chosen(keys, name, folder)], depth=True)
    size = episode.frames.shape[1], episode.frames.shape[2]
    return Sequence3D(
        name=episode.key,
        kind="recorded",
        episode=episode.key,
        start=0,
        interval=1,
        given=len(episode),
        frames=episode.frames,
        recorded=size,
        cameras=episode.cameras,
    )


def _of_rollout(folder: Path, name: str | None, truth: bool) -> Sequence3D:
    card = FORMAT.read(folder / CARD, RolloutCard, AGAIN)
    clips = {clip.name: clip for clip in card.clips}
    clip = clips[_chosen(list(clips), name, folder)]
    if truth and not clip.truth:
        raise ParamsError(f"--truth: nobody knows that of {clip.name} in {folder}; leave it out")
    frames = _frames(folder, clip, TRUTH if truth else GENERATED, card)
    cameras = folder / f"{clip.name}_{CAMERAS}"
    return Sequence3D(
        name=clip.name,
        kind="truth" if truth else "generated",
        episode=clip.episode,
        start=clip.start,
        interval=card.interval,
        given=card.history,
        frames=frames,
        recorded=(card.recorded_height, card.recorded_width),
        cameras=read_cameras(cameras, len(frames), AGAIN) if cameras.is_file() else None,
    )


def _frames(folder: Path, clip: ClipCard, kind: str, card: RolloutCard) -> NDArray[np.uint8]:
    """Every frame, uint8 [T, H, W, 3], of the images where there are some: they lost nothing."""
    if not card.images:
        path = folder / f"{clip.name}_{kind}.mp4"
        return video.decode(path, str(path), way_out=AGAIN)
    files = sorted((folder / f"{clip.name}_{kind}").glob("*.png"))
    if not files:
        raise DataError(f"{folder / f'{clip.name}_{kind}'}: holds no PNG; {AGAIN}")
    return np.stack([read_image(path, AGAIN) for path in files])


def read_image(path: Path, way_out: str) -> NDArray[np.uint8]:
    """A PNG, uint8 [H, W, 3] RGB.

    Raises:
        DataError: it is missing or damaged, and `way_out` says what to do.
    """
    with parsing(path, way_out), Image.open(path, formats=["PNG"]) as image:
        return np.asarray(image.convert("RGB")).copy()


def resized(frame: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """A frame uint8 [H, W, 3] at (height, width) `size`, low-pass filtered where it shrinks."""
    if frame.shape[:2] == size:
        return frame
    image = Image.fromarray(frame).resize((size[1], size[0]), Image.Resampling.BILINEAR)
    return np.asarray(image)
