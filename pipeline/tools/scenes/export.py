"""Write the frames of a sequence for other tools, with their cameras where they are known."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline import stage
from pipeline.episodes.cameras import Cameras
from pipeline.errors import DataError
from pipeline.files.npy import npz_bytes
from pipeline.tools.scenes import colmap, nerfstudio
from pipeline.tools.scenes.card import CARD, FORMAT, CameraCard, ExportCard, FrameCard, Layout
from pipeline.tools.scenes.sources import Sequence3D

IMAGES, SPARSE, DEPTH, TRUTH = "images", "sparse/0", "depth", "truth"


def write(
    sequence: Sequence3D, source: Path, layout: Layout, size: tuple[int, int] | None, out: Path
) -> ExportCard:
    """Write images, export.json, true depth where it is known, and what `layout` adds.

    Args:
        sequence: of frames.
        source: where it was read from.
        layout: `frames` adds nothing; others need cameras, and add nothing without.
        size: height and width of the images; None keeps those of the recording.
        out: folder to write, whole or not at all.

    Raises:
        DataError: something else is there.
    """
    if (
        out.exists()
        and not (out / CARD).is_file()
        and not (out.is_dir() and not any(out.iterdir()))
    ):
        raise DataError(f"{out}: is there already, and no export; name another folder")
    size = size or sequence.recorded
    cameras = sequence.cameras and sequence.cameras.resized(sequence.recorded, size)
    card = _card(sequence, source, layout, size, cameras)
    with stage.output(out) as partial:
        (partial / IMAGES).mkdir(parents=True)
        for frame, entry in zip(sequence.frames, card.frames, strict=True):
            Image.fromarray(resized(frame, size)).save(partial / entry.file)
        if sequence.cameras is not None and sequence.cameras.depth is not None:
            (partial / DEPTH / TRUTH).mkdir(parents=True)
            for number, depth in enumerate(sequence.cameras.depth):
                content = npz_bytes({"depth": depth})
                (partial / DEPTH / TRUTH / f"{number:06d}.npz").write_bytes(content)
        if cameras is not None:
            _add(layout, card, size, cameras, partial)
        (partial / CARD).write_text(FORMAT.text(card))
    return card


def resized(frame: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """A frame uint8 [H, W, 3] at (height, width) `size`, low-pass filtered where it shrinks."""
    if frame.shape[:2] == size:
        return frame
    image = Image.fromarray(frame).resize((size[1], size[0]), Image.Resampling.BILINEAR)
    return np.asarray(image)


def _card(
    sequence: Sequence3D,
    source: Path,
    layout: Layout,
    size: tuple[int, int],
    cameras: Cameras | None,
) -> ExportCard:
    frames = [
        FrameCard(
            file=f"{IMAGES}/{number:06d}.png",
            step=sequence.start + number * sequence.interval,
            generated=sequence.kind == "generated" and number >= sequence.given,
            camera=cameras
            and CameraCard(
                intrinsics=cameras.intrinsics[number].tolist(),
                world_to_camera=cameras.poses[number].tolist(),
            ),
        )
        for number in range(len(sequence.frames))
    ]
    return ExportCard(
        source=str(source),
        name=sequence.name,
        kind=sequence.kind,
        episode=sequence.episode,
        layout=layout,
        height=size[0],
        width=size[1],
        recorded_height=sequence.recorded[0],
        recorded_width=sequence.recorded[1],
        frames=frames,
    )


def _add(
    layout: Layout, card: ExportCard, size: tuple[int, int], cameras: Cameras, folder: Path
) -> None:
    files = [frame.file for frame in card.frames]
    if layout == "colmap":
        names = [Path(file).name for file in files]
        colmap.write(folder / SPARSE, names, size, cameras.intrinsics, cameras.poses)
    elif layout == "nerfstudio":
        path = folder / nerfstudio.TRANSFORMS
        nerfstudio.write(path, files, size, cameras.intrinsics, cameras.poses)
