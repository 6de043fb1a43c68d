"""The block of params.yaml for a folder with a Minari data set."""

from pathlib import Path

from pipeline.errors import UserError
from pipeline.formats import Detected
from pipeline.formats._shared import pixels
from pipeline.formats.minari import metadata
from pipeline.formats.minari.spaces import Box, Leaf

SMALLEST = 8
"""Pixels of the smaller side of an image."""
NO_IMAGES = (
    "no observation is an image; record the set again with the environment's pixels as an "
    "observation (gymnasium's AddRenderObservation), or name images among its infos in `cameras`"
)


def detect(folder: Path) -> Detected | None:
    """What metadata.json says; None if there is none of Minari."""
    place = metadata.folder_of(folder)
    if place is None:
        return None
    try:
        described = metadata.read(place)
    except UserError:  # another format's metadata.json
        return None
    cameras = [path for path, space in described.observations.items() if _is_image(space)]
    states = [
        path
        for path, space in described.observations.items()
        if isinstance(space, Box) and len(space.shape) == 1
    ]
    facts: dict[str, object] = {
        "data_set": described.name,
        "stored_as": described.stored,
        "episodes": described.episodes,
        "observations": [
            f"{path} {_told(space)}" for path, space in described.observations.items()
        ],
        "actions": [f"{path} {_told(space)}" for path, space in described.actions.items()],
    }
    if len(cameras) > 1:
        facts["cameras"] = f"{', '.join(cameras)}: several in the list stand side by side"
    title = f"Minari {described.version}"
    if not cameras:
        return Detected(title, {}, facts, NO_IMAGES)
    return Detected(title, {"cameras": cameras[:1], "states": states}, facts)


def _is_image(space: Leaf) -> bool:
    if not isinstance(space, Box) or space.dtype != "uint8" or len(space.shape) not in (2, 3):
        return False
    sides = sorted(space.shape)
    return pixels.otherwise((1, *space.shape), "uint8") is None and sides[-2] >= SMALLEST


def _told(space: Leaf) -> str:
    if isinstance(space, Box):
        return f"{space.dtype} {space.shape}"
    return " ".join([space.type, *(str(v) for k, v in space if k in ("n", "nvec"))])
