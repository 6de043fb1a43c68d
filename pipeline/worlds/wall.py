"""Wall: a dot walks between two rooms through a door (DINO-WM, Zhou et al. 2024, app. A).

Positions are pixels of a 65 x 65 image, y down; an action moves the dot by twice its value. A dot
that would enter something solid stops at the point of contact, half a pixel off its face.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from pipeline.episode import Episode, Meta
from pipeline.params import Params

SIDE = 65
STRIDE = 2.0  # pixels that an action of length 1 moves the dot
BORDER = (4.0, 60.0)  # the square that the dot is kept in
HALF_WALL = 3.0
HALF_DOOR = 4.0
CLEARANCE = 0.5
INSIDE = (BORDER[0] + CLEARANCE, BORDER[1] - CLEARANCE)
REACHED = 4.5  # success radius in pixels, as published

Positions = NDArray[np.float64]


class Options(Params):
    """The look of the Wall world and how its episodes are collected."""

    size: int = Field(ge=16, description="height and width of the frames in pixels")
    dot_std: float = Field(gt=0, description="radius of the dot (published: 1.7)")
    wall: float = Field(ge=10, le=54, description="x of the wall's middle")
    doors: list[float] = Field(min_length=1, description="y of the door's middle, one an episode")
    crossing: float = Field(ge=0, le=1, description="share of episodes that go through the door")

    @model_validator(mode="after")
    def _doors_in_the_wall(self) -> "Options":
        low, high = BORDER[0] + HALF_DOOR, BORDER[1] - HALF_DOOR
        if not all(low <= door <= high for door in self.doors):
            raise ValueError(f"every door must lie in {low:g}..{high:g}")
        return self


def build(options: Options) -> "Wall":
    """The simulator."""
    return Wall(options)


class Wall:
    """One dot in one room layout; see `pipeline.worlds.World`."""

    def __init__(self, options: Options) -> None:
        """Start in the middle of the left room, with the first door."""
        self.options = options
        self.restore(
            np.array([16, 32], np.float32), {"wall": options.wall, "door": options.doors[0]}
        )

    def restore(self, state: NDArray[np.float32], meta: Meta) -> None:
        """Put the dot at a state [2] of an episode with this wall and door."""
        self.wall, self.door = float(meta["wall"]), float(meta["door"])
        self.position: Positions = np.asarray(state, np.float64)

    def snapshot(self) -> NDArray[np.float32]:
        """Position of the dot [2]."""
        return self.position.astype(np.float32)

    def step(self, action: NDArray[np.float32]) -> None:
        """Move the dot by twice the action [2], up to the first solid thing."""
        doors = np.array([self.door])
        moved = move(self.position[None], np.asarray(action, np.float64)[None], self.wall, doors)
        # float32 is what the data set stores: a restored state continues bit for bit.
        self.position = moved[0].astype(np.float32).astype(np.float64)

    def render(self) -> NDArray[np.uint8]:
        """The present frame, [size, size, 3]."""
        return draw(self.position[None], self.wall, self.door, self.options)[0]

    def distance(self, state: NDArray[np.float32], goal: NDArray[np.float32]) -> float:
        """Euclidean distance in pixels."""
        return float(np.linalg.norm(np.asarray(state, np.float64) - goal))

    def success(self, state: NDArray[np.float32], goal: NDArray[np.float32]) -> bool:
        """Within 4.5 pixels of the goal."""
        return self.distance(state, goal) < REACHED

    def collect(self, episodes: int, steps: int, seed: int) -> Iterator[Episode]:
        """Record `episodes` episodes of `steps` frames, all simulated side by side."""
        rng = np.random.default_rng(seed)
        doors = rng.choice(np.array(self.options.doors), episodes)
        states, actions = walk(episodes, steps, doors, self.options, rng)
        for index in range(episodes):
            meta = {"wall": self.options.wall, "door": float(doors[index])}
            yield Episode(
                key=f"episode_{index:03d}",
                frames=draw(
                    states[index].astype(np.float64), self.options.wall, doors[index], self.options
                ),
                actions=actions[index],
                states=states[index],
                meta=meta,
            )


def solids(wall: float, doors: Positions) -> tuple[Positions, Positions]:
    """Low and high corners [B, 2, 2] of the wall's two halves, above and below the door."""
    left, right = np.full_like(doors, wall - HALF_WALL), np.full_like(doors, wall + HALF_WALL)
    top, bottom = np.full_like(doors, -np.inf), np.full_like(doors, np.inf)
    low = np.stack([np.stack([left, top], -1), np.stack([left, doors + HALF_DOOR], -1)], 1)
    high = np.stack([np.stack([right, doors - HALF_DOOR], -1), np.stack([right, bottom], -1)], 1)
    return low, high


def move(positions: Positions, actions: Positions, wall: float, doors: Positions) -> Positions:
    """Positions [B, 2] after actions [B, 2], each stopped at the first face that it meets."""
    path = STRIDE * actions
    low, high = solids(wall, doors)
    with np.errstate(divide="ignore", invalid="ignore"):
        near, far = ((face - positions[:, None]) / path[:, None] for face in (low, high))
    # A path along an axis is inside that slab for ever, or never (slab method, Kay & Kajiya 1986).
    inside = (positions[:, None] > low) & (positions[:, None] < high)
    still = np.broadcast_to((path == 0)[:, None], near.shape)
    enter = np.where(still, np.where(inside, -np.inf, np.inf), np.minimum(near, far))
    leave = np.where(still, np.where(inside, np.inf, -np.inf), np.maximum(near, far))
    first, last = enter.max(-1), leave.min(-1)
    hit = np.where((first < last) & (first >= 0) & (first <= 1), first, np.inf)  # [B, 2 halves]
    when = hit.min(-1)
    axis = np.take_along_axis(enter.argmax(-1), hit.argmin(-1)[:, None], 1)[:, 0]
    border = _border(positions, path)
    stopped = np.minimum(np.minimum(when, border), 1.0)
    arrived = positions + path * stopped[:, None]
    rows = np.flatnonzero(when <= np.minimum(border, 1.0))
    arrived[rows, axis[rows]] -= CLEARANCE * np.sign(path[rows, axis[rows]])
    return np.clip(arrived, *INSIDE)


def _border(positions: Positions, path: Positions) -> Positions:
    """Share of the path [B] walked when the dot meets the border, infinite if it moves away."""
    face = np.where(path > 0, INSIDE[1], INSIDE[0])
    with np.errstate(divide="ignore", invalid="ignore"):
        when = np.where(path == 0, np.inf, (face - positions) / path)
    return np.maximum(when.min(-1), 0.0)


def draw(positions: Positions, wall: float, door: float, options: Options) -> NDArray[np.uint8]:
    """Frames [T, size, size, 3] of dots at positions [T, 2]: the dot red, walls green."""
    grid = (np.arange(options.size) + 0.5) * SIDE / options.size - 0.5
    across = np.exp(-((grid - positions[:, :1]) ** 2) / (2 * options.dot_std**2))  # [T, size]
    down = np.exp(-((grid - positions[:, 1:]) ** 2) / (2 * options.dot_std**2))
    frames = np.zeros((len(positions), options.size, options.size, 3), np.uint8)
    frames[..., 0] = (255 * down[:, :, None] * across[:, None, :]).astype(np.uint8)
    frames[..., 1] = 255 * _walls(grid, wall, door)
    return frames


def _walls(grid: Positions, wall: float, door: float) -> NDArray[np.bool_]:
    half = SIDE / len(grid) / 2
    shut = np.abs(grid - door) > HALF_DOOR
    solid = (np.abs(grid - wall) <= HALF_WALL)[None, :] & shut[:, None]
    border = np.zeros(len(grid), bool)
    for line in BORDER:
        border |= np.abs(grid - line) <= max(half, 0.5)
    return solid | border[None, :] | border[:, None]


def walk(
    episodes: int, steps: int, doors: Positions, options: Options, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """States and actions [B, T, 2] of random walks, some of them led through the door.

    Headings drift by von Mises noise (kappa 5); strides are normal (1, .4) cut to [.2, 1.8]. A dot
    that was stopped turns to a new heading: otherwise a quarter of all steps would push on a wall.
    """
    position = _starts(episodes, options.wall, rng)
    side = np.sign(options.wall - position[:, 0])  # +1: starts in the left room
    led = rng.random(episodes) < options.crossing
    heading = rng.uniform(-np.pi, np.pi, episodes)
    states = np.empty((episodes, steps, 2), np.float32)
    actions = np.empty((episodes, steps, 2), np.float32)
    for step in range(steps):
        through = side * (position[:, 0] - options.wall) > HALF_WALL + 2
        led &= ~through
        target = _waypoint(position, side, options.wall, doors)
        wanted = np.arctan2(target[:, 1] - position[:, 1], target[:, 0] - position[:, 0])
        heading = np.where(led, wanted, heading) + rng.vonmises(0, 5, episodes) * np.where(
            led, 0.5, 1
        )
        length = _strides(episodes, rng)
        action = length[:, None] * np.stack([np.cos(heading), np.sin(heading)], -1)
        states[:, step], actions[:, step] = position, action
        stride = actions[:, step].astype(np.float64)
        moved = move(position, stride, options.wall, doors)
        stopped = np.abs(moved - position - STRIDE * stride).max(-1) > CLEARANCE
        heading = np.where(stopped, rng.uniform(-np.pi, np.pi, episodes), heading)
        position = moved.astype(np.float32).astype(np.float64)
    return states, actions


def _starts(episodes: int, wall: float, rng: np.random.Generator) -> Positions:
    """Uniform over both rooms, clear of walls and borders."""
    low, high = BORDER[0] + 2, BORDER[1] - 2
    free = np.array([wall - HALF_WALL - 2 - low, high - (wall + HALF_WALL + 2)])
    along = rng.uniform(0, free.sum(), episodes)
    x = np.where(along < free[0], low + along, wall + HALF_WALL + 2 + along - free[0])
    position = np.stack([x, rng.uniform(low, high, episodes)], -1)
    return position.astype(np.float32).astype(np.float64)


def _waypoint(position: Positions, side: Positions, wall: float, doors: Positions) -> Positions:
    """Before the door until level with it, then beyond the wall."""
    aligned = np.abs(position[:, 1] - doors) < HALF_DOOR - 1.5
    beyond = wall + side * (HALF_WALL + 6)
    before = wall - side * (HALF_WALL + 2)
    return np.stack([np.where(aligned, beyond, before), doors], -1)


def _strides(episodes: int, rng: np.random.Generator) -> Positions:
    """Normal (1, .4) truncated to [.2, 1.8]: redrawn until inside, two standard deviations off."""
    length = rng.normal(1, 0.4, episodes)
    while (outside := (length < 0.2) | (length > 1.8)).any():
        length[outside] = rng.normal(1, 0.4, int(outside.sum()))
    return length
