"""The eye's camera, and the pictures that it takes of a room."""

import numpy as np
from einops import rearrange
from numpy.typing import NDArray

from pipeline.episodes.cameras import looking, rays
from pipeline.worlds.room.scene import Floats, Scene, cast

EYE = 1.5
"""Height of the eye above the floor in metres."""
SAMPLES = 2
"""Rays a pixel along each side, which smooth edges; depth has the ray through the centre."""


def eye(state: Floats) -> Floats:
    """World coordinates [3] of the eye of a state [S]."""
    return np.array([state[0], state[1], EYE])


def pose(state: Floats) -> Floats:
    """World to camera [4, 4] of a state [S]."""
    return looking(eye(state), *state[2:4])


def fine_rays(size: tuple[int, int], intrinsics: Floats) -> Floats:
    """Directions [3, P] in camera coordinates of all samples of a picture of `size`."""
    fine = size[0] * SAMPLES, size[1] * SAMPLES
    return rearrange(
        rays(fine, intrinsics * SAMPLES),
        "(h sy) (w sx) xyz -> xyz (sy sx h w)", sy=SAMPLES, sx=SAMPLES,
    )  # fmt: skip


def met(scene: Scene, state: Floats, directions: Floats) -> tuple[Floats, NDArray[np.uint8]]:
    """What rays [3, P] of a state's camera meet: see `scene.cast`."""
    return cast(scene, eye(state), pose(state)[:3, :3].T @ directions)


def picture(
    scene: Scene, state: Floats, directions: Floats, size: tuple[int, int]
) -> NDArray[np.uint8]:
    """A picture uint8 [height, width, 3] of a `size`, by its `fine_rays`."""
    samples = met(scene, state, directions)[1].reshape(SAMPLES**2, *size, 3)
    return (samples.sum(0, dtype=np.uint16) // SAMPLES**2).astype(np.uint8)
