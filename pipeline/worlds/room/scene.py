"""A room with furniture, all of it boxes with tiled faces: made by a seed, met by rays exactly.

It is a MuJoCo model, whose rays need no OpenGL: MuJoCo finds the box and the face that a ray meets.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import mujoco

Floats = NDArray[np.float64]

SIZE = np.array([7.0, 6.0, 2.8])
"""Of the room in metres; z is up, and a corner of the floor is the origin."""
GAP = 0.9
"""Metres that are free around a piece of furniture, so that every place can be walked to."""
TILES = 32
"""Tiles of a face along each side, of which small faces show some."""
TILE = 0.4
"""Side of a tile in metres."""
THICK = 0.1
"""Thickness of walls, floor and ceiling in metres, all of it outside of the room."""
WALLS = 6
"""Geoms of the model that are walls, floor and ceiling; furniture follows."""
LIGHT = np.array([[0.8, 0.8], [0.92, 0.92], [0.6, 1.0]])
"""Brightness of the faces that end a box along x, y, z, below and above."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Boxes with sides along the axes; the first is the room, which is seen from inside.

    Attributes:
        low: [N, 3] least coordinates in metres.
        high: [N, 3] greatest coordinates.
        tiles: uint8 [N, 3, 2, TILES, TILES, 3] colours of the faces: by axis and side.
        model: the MuJoCo model of `mjcf`, without a camera.
        data: its state, of which nothing moves.
    """

    low: Floats
    high: Floats
    tiles: NDArray[np.uint8]
    model: "mujoco.MjModel"
    data: "mujoco.MjData"


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
    ends, tiles = (np.stack(low), np.stack(high)), _tiles(len(low), rng)
    return Scene(*ends, tiles, *_compiled(mjcf(*ends, tiles)))


def _tiles(count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A hue for every face, of which each tile has a shade."""
    hue = rng.uniform(60, 255, (count, 3, 2, 1, 1, 3))
    shade = rng.choice([0.45, 0.7, 0.85, 1.0], (count, 3, 2, TILES, TILES, 1))
    return (hue * shade * LIGHT[:, :, None, None, None]).astype(np.uint8)


def mjcf(low: Floats, high: Floats, tiles: NDArray[np.uint8], camera: str = "") -> str:
    """A MuJoCo model of boxes as a `Scene` has them, in XML; one colour a geom stands for tiles.

    Args:
        low: [N, 3] least coordinates.
        high: [N, 3] greatest coordinates.
        tiles: colours of the faces.
        camera: elements that are added to the world's body.
    """
    walls = np.tile([low[0] - THICK, high[0] + THICK], (3, 2, 1, 1))  # [axis, side, end, xyz]
    for axis in range(3):
        walls[axis, 0, 1, axis], walls[axis, 1, 0, axis] = low[0, axis], high[0, axis]
    boxes = [*walls.reshape(WALLS, 2, 3), *np.stack([low, high], 1)[1:]]
    colours = [*tiles[0].reshape(WALLS, -1, 3).mean(1), *tiles[1:].mean((1, 2, 3, 4))]
    geoms = [
        f'<geom type="box" pos="{words((start + end) / 2)}" size="{words((end - start) / 2)}" '
        f'rgba="{words(np.append(colour / 255, 1))}"/>'
        for (start, end), colour in zip(boxes, colours, strict=True)
    ]
    body = "\n    ".join([*geoms, *([camera] if camera else [])])
    return f'<mujoco model="room">\n  <worldbody>\n    {body}\n  </worldbody>\n</mujoco>\n'


def words(numbers: Floats) -> str:
    """Numbers as an attribute of XML has them, to the bit."""
    return " ".join(repr(float(number)) for number in numbers)


def _compiled(xml: str) -> tuple["mujoco.MjModel", "mujoco.MjData"]:
    import mujoco

    model = mujoco.MjModel.from_xml_string(xml)
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    return model, data


def cast(scene: Scene, origin: Floats, directions: Floats) -> tuple[Floats, NDArray[np.uint8]]:
    """What rays [3, P] from a point [3] within the room meet first.

    Returns:
        Multiples [P] of the directions at which they meet it, and its colours uint8 [P, 3].
    """
    import mujoco

    count = directions.shape[1]
    geom, distance = np.empty(count, np.int32), np.empty(count)
    normal, rows = np.empty((count, 3)), np.ascontiguousarray(directions.T)
    mujoco.mj_multiRay(
        scene.model, scene.data, origin, rows.ravel(), None, True, -1,
        geom, distance, normal.ravel(), count, mujoco.mjMAXVAL,
    )  # fmt: skip
    axis = np.abs(normal).argmax(1)
    box, each = np.maximum(geom - WALLS + 1, 0), np.arange(count)
    side = ((normal[each, axis] > 0) == (box > 0)).astype(int)
    across, along = np.array([1, 0, 0])[axis], np.array([2, 2, 1])[axis]
    tile = [
        ((origin[i] + distance * directions[i, each] - scene.low[box, i]) / TILE).astype(int)
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
