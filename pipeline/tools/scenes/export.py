"""Write the frames of a sequence for other tools, with their cameras where they are known."""

from pathlib import Path

from PIL import Image

from pipeline import stage
from pipeline.episodes.cameras import Cameras
from pipeline.files.npy import npz_bytes
from pipeline.tools.out_folder import check_out
from pipeline.tools.scenes import colmap, nerfstudio
from pipeline.tools.scenes.card import (
    CARD,
    DEPTH,
    FORMAT,
    TRUTH,
    CameraCard,
    ExportCard,
    FrameCard,
    Layout,
)
from pipeline.tools.scenes.lift import Lifting, lift
from pipeline.tools.scenes.sources import Sequence3D, resized

IMAGES, SPARSE = "images", "sparse/0"
POINTS = 20_000
"""Most points of the true surface from which other tools may start."""


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
    check_out(out, CARD, "export")
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
            _add(layout, card, cameras, partial)
        (partial / CARD).write_text(FORMAT.text(card))
    return card


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


def _add(layout: Layout, card: ExportCard, cameras: Cameras, folder: Path) -> None:
    """Write what a layout adds to an export, with points where true depth gives some."""
    if layout == "frames":
        return
    cloud = None
    if (folder / DEPTH / TRUTH).is_dir():
        cloud = lift(folder, card, Lifting(TRUTH, len(card.frames), 1, 0.0, POINTS, 0))
    files, size = [frame.file for frame in card.frames], (card.height, card.width)
    if layout == "colmap":
        names = [Path(file).name for file in files]
        colmap.write(folder / SPARSE, names, size, cameras, cloud)
    else:
        nerfstudio.write(folder, files, size, cameras, cloud)
