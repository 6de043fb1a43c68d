"""A room with furniture, all of it boxes with tiled faces: made by a seed, met by rays exactly."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SIZE = np.array([7.0, 6.0, 2.8])
"""Of the room in metres; z is up, and a corner of the floor is the origin."""
GAP = 0.9
"""Metres that are free around a piece of furniture, so that every place can be walked to."""
TILES = 32
"""Tiles of a face along each side, of which small faces show some."""
TILE = 0.4
"""Side of a tile in metres."""
BLOCK = 2048
"""Rays that are cast at once: arrays of more of them leave the processor's cache."""
LIGHT = np.array([[0.8, 0.8], [0.92, 0.92], [0.6, 1.0]])
"""Brightness of the faces that end a box along x, y, z, below and above."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Boxes with sides along the axes; the first is the room, which is seen from inside.

    Attributes:
        low: [N, 3] least coordinates in metres.
        high: [N, 3] greatest coordinates.
        tiles: uint8 [N, 3, 2, TILES, TILES, 3] colours of the faces: by axis and side.
    """

    low: Floats
    high: Floats
    tiles: NDArray[np.uint8]


@lru_cache(maxsize=8)
def make(seed: int, boxes: int) -> Scene:
    """The room of a seed with as many pieces of furniture as find a place, `boxes` at most."""
    rng = np.random.default_rng([seed, boxes])
    low, high = [np.zeros(3)], [SIZE]
    for _ in range(50 * boxes):
        if len(low) == boxes + 1:
            break
        side = np.append(rng.uniform(0.5, 1.3, 2), rng.uniform(0.5, 2.0))
        place = rng.uniform(GAP, SIZE[:2] - side[:2] - GAP)
        apart = [(place > h[:2] + GAP) | (place + side[:2] < b[:2] - GAP)
                 for b, h in zip(low[1:], high[1:], strict=True)]  # fmt: skip
        if all(axis.any() for axis in apart):
            low.append(np.append(place, 0))
            high.append(np.append(place, 0) + side)
    return Scene(np.stack(low), np.stack(high), _tiles(len(low), rng))


def _tiles(count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A hue for every face, of which each tile has a shade."""
    hue = rng.uniform(60, 255, (count, 3, 2, 1, 1, 3))
    shade = rng.choice([0.45, 0.7, 0.85, 1.0], (count, 3, 2, TILES, TILES, 1))
    return (hue * shade * LIGHT[:, :, None, None, None]).astype(np.uint8)


def cast(scene: Scene, origin: Floats, directions: Floats) -> tuple[Floats, NDArray[np.uint8]]:
    """What rays [3, P] from a point [3] within the room meet first.

    Returns:
        Multiples [P] of the directions at which they meet it, and its colours uint8 [P, 3].
    """
    starts = range(0, directions.shape[1], BLOCK)
    met = [_cast(scene, origin, directions[:, start : start + BLOCK]) for start in starts]
    return np.concatenate([each for each, _ in met]), np.concatenate([each for _, each in met])


def _cast(scene: Scene, origin: Floats, directions: Floats) -> tuple[Floats, NDArray[np.uint8]]:
    # A ray along a face would be 0 times infinity; the slab method wants infinity there.
    inverse = 1 / np.where(directions == 0, 1e-12, directions)
    first = (scene.low - origin)[:, :, None] * inverse  # [N, 3, P]
    second = (scene.high - origin)[:, :, None] * inverse
    leave = np.maximum(first, second)
    enter = np.minimum(first, second, out=first)
    near, far = enter.max(1), leave.min(1)
    meets = np.where((near < far) & (near > 0), near, np.inf)
    meets[0] = far[0]
    box = meets.argmin(0)
    rays = np.arange(directions.shape[1])
    distance = meets[box, rays]
    axis = np.where(box == 0, leave[0].argmin(0), enter.argmax(1)[box, rays])
    side = ((directions > 0)[axis, rays] == (box == 0)).astype(int)
    across, along = np.array([1, 0, 0])[axis], np.array([2, 2, 1])[axis]
    tile = [
        ((origin[i] + distance * directions[i, rays] - scene.low[box, i]) / TILE).astype(int)
        % TILES
        for i in (across, along)
    ]
    return distance, scene.tiles[box, axis, side, *tile]


def inside(scene: Scene, places: Floats, margin: float) -> NDArray[np.bool_]:
    """Whether places [N, 2] are within `margin` metres of furniture or walls, along an axis."""
    low, high = scene.low[1:, :2] - margin, scene.high[1:, :2] + margin
    furniture = ((places[:, None] > low) & (places[:, None] < high)).all(-1)
    walls = (places < margin) | (places > SIZE[:2] - margin)
    return np.any(np.concatenate([furniture, walls], 1), axis=1)


def blocked(scene: Scene, start: Floats, end: Floats, margin: float) -> bool:
    """Whether furniture lies within `margin` of the straight way from a place [2] to another."""
    low, high = scene.low[1:, :2] - margin, scene.high[1:, :2] + margin
    start, end = sorted((start, end), key=tuple)  # the same answer there and back
    way = end - start
    still = np.abs(way) < 1e-9
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = np.stack([(low - start) / way, (high - start) / way])
    enter, leave = ends.min(0), ends.max(0)
    outside = (start <= low) | (start >= high)
    enter = np.where(still, np.where(outside, np.inf, -np.inf), enter).max(1)
    leave = np.where(still, np.inf, leave).min(1)
    return bool(((enter < leave) & (enter < 1) & (leave > 0)).any())
