"""Wall: a dot moves between two rooms through a door (DINO-WM, Zhou et al. 2024, app. A).

Positions are pixels of a 65 x 65 image, y down; an action moves the dot by twice its value. A dot
that meets a wall stops at the point of contact, half a pixel off its face. Beside it there may be
a distractor, which nobody can predict.
"""

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from pipeline.episodes.controls import Controls, Stick
from pipeline.episodes.episode import Episode, Meta
from pipeline.worlds import World, WorldOptions
from pipeline.worlds._shared import distractor
from pipeline.worlds.wall.physics import BORDER, HALF_DOOR, STRIDE, Positions, blocked, move
from pipeline.worlds.wall.policy import starts, walk
from pipeline.worlds.wall.renderer import render

REACHED = 4.5  # success radius in pixels, as published


class Options(WorldOptions):
    """Options of the wall world."""

    size: int = Field(ge=16, description="height and width of the frames in pixels")
    dot_std: float = Field(gt=0, description="radius of the dot (published: 1.7)")
    wall: float = Field(ge=10, le=54, description="x of the wall's middle")
    doors: list[float] = Field(
        min_length=1, description="y of the door's middle; an episode draws one"
    )
    crossing: float = Field(ge=0, le=1, description="share of episodes that go through the door")
    pushing: float = Field(
        ge=0, le=1, description="share of episodes in which a stopped dot keeps its heading"
    )
    distractor: int | None = Field(
        ge=2, le=8, description="cells along each side, in one of which it is drawn; null: none"
    )

    @property
    def frame_size(self) -> tuple[int, int]:
        """Height and width of the frames in pixels."""
        return self.size, self.size

    def distractor_frames(self) -> NDArray[np.uint8] | None:
        """Frames [K, size, size, 3] of the blue square in each of its cells."""
        if self.distractor is None:
            return None
        return distractor.pictures(self.distractor, self.size, self.size)

    @model_validator(mode="after")
    def _doors_in_the_wall(self) -> "Options":
        low, high = BORDER[0] + HALF_DOOR, BORDER[1] - HALF_DOOR
        if not all(low <= door <= high for door in self.doors):
            raise ValueError(f"every door must lie in {low:g}..{high:g}")
        return self


def build(options: Options) -> "Wall":
    """The world."""
    return Wall(options)


class Wall(World):
    """A dot in two rooms; a `pipeline.worlds.World`.

    A state is x and y of the dot and, with a distractor, the draw in 0..1 of its cell.
    """

    obstacles = True
    low, high = np.full(2, -1.8, np.float32), np.full(2, 1.8, np.float32)
    controls: ClassVar[Controls] = Controls(stick=Stick(0, 1, (1.8, 1.8)))

    def __init__(self, options: Options) -> None:
        """Start in the left room, with the first of the doors."""
        self.options = options
        self.squares = options.distractor_frames()
        self.draws = 0 if self.squares is None else 1
        self.state_dim = 2 + self.draws
        start = np.array([16, 32, 0][: self.state_dim], np.float32)
        self.restore(start, {"wall": options.wall, "door": options.doors[0]})

    def sample(
        self, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], Meta]:
        """A start in one room, a goal in the other, and a random one of the doors."""
        wall, door = self.options.wall, float(rng.choice(self.options.doors))
        positions = starts(1, wall, rng)[0], starts(1, wall, rng)[0]
        while (positions[0][0] < wall) == (positions[1][0] < wall):
            positions = positions[0], starts(1, wall, rng)[0]
        start, goal = (
            np.append(position, distractor.first((self.draws,), rng)).astype(np.float32)
            for position in positions
        )
        return start, goal, {"wall": wall, "door": door}

    def restore(self, state: NDArray[np.float32], meta: Meta) -> None:
        """Set the state [S], in an episode with the wall and door of `meta`."""
        self.wall, self.door = float(meta["wall"]), float(meta["door"])
        self.state = np.array(state, np.float64)

    def snapshot(self) -> NDArray[np.float32]:
        """The current state [S]."""
        return self.state.astype(np.float32)

    def step(self, action: NDArray[np.float32]) -> None:
        """Move the dot by twice the action [2], or up to the first wall."""
        actions = np.asarray(action, np.float64)[None]
        self.state = _moved(self.state[None], actions, self.wall, np.array([self.door]))[0]

    def render(self) -> NDArray[np.uint8]:
        """The current frame, uint8 [size, size, 3] RGB."""
        return self._render(self.state[None], self.wall, self.door)[0]

    def distance(self, state: NDArray[np.float32], goal: NDArray[np.float32]) -> float:
        """Euclidean distance in pixels."""
        return float(np.linalg.norm(np.asarray(state, np.float64)[:2] - goal[:2]))

    def success(self, state: NDArray[np.float32], goal: NDArray[np.float32]) -> bool:
        """Within 4.5 pixels of the goal."""
        return self.distance(state, goal) < REACHED

    def coordinates(self, states: NDArray[np.float32]) -> NDArray[np.float32]:
        """Positions [N, 2] in pixels."""
        return states[:, :2]

    def straight(self, goal: NDArray[np.float32]) -> NDArray[np.float32]:
        """The action [2] towards a goal, as long as the longest that was recorded."""
        way = (np.asarray(goal, np.float64) - self.state)[:2] / STRIDE
        length = float(np.linalg.norm(way))
        return (way * min(1.0, float(self.high[0]) / max(length, 1e-9))).astype(np.float32)

    def detour(self, goal: NDArray[np.float32]) -> bool:
        """Whether the wall, of which the door is no part, is on the straight line to a goal."""
        position = self.state[None, :2]
        way = np.asarray(goal, np.float64)[:2] - position
        return bool(blocked(position, way, self.wall, np.array([self.door]))[0])

    def simulate(
        self, state: NDArray[np.float32], meta: Meta, actions: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """States [N, T, S] after actions [N, T, 2], in one batch."""
        wall, doors = float(meta["wall"]), np.full(len(actions), float(meta["door"]))
        current = np.tile(np.asarray(state, np.float64), (len(actions), 1))
        states = np.empty((*actions.shape[:2], self.state_dim), np.float32)
        for step in range(actions.shape[1]):
            current = _moved(current, actions[:, step].astype(np.float64), wall, doors)
            states[:, step] = current
        return states

    def draw(self, states: NDArray[np.float32], meta: Meta) -> NDArray[np.uint8]:
        """Frames uint8 [N, size, size, 3], in one batch."""
        return self._render(
            np.asarray(states, np.float64), float(meta["wall"]), float(meta["door"])
        )

    def collect(self, episodes: int, steps: int, seed: int) -> Iterator[Episode]:
        """Record `episodes` episodes of `steps` frames, simulated as one batch."""
        rng = np.random.default_rng(seed)
        doors = rng.choice(np.array(self.options.doors), episodes)
        options = self.options
        positions, actions = walk(
            episodes, steps, doors, options.wall, options.crossing, options.pushing, rng
        )
        draws = np.empty((episodes, steps, self.draws), np.float32)
        current = distractor.first((episodes, self.draws), rng)
        for step in range(steps):
            draws[:, step], current = current, distractor.following(current)
        states = np.concatenate([positions, draws], -1)
        for index in range(episodes):
            meta = {"wall": self.options.wall, "door": float(doors[index])}
            yield Episode(
                key=f"episode_{index:03d}",
                frames=self._render(states[index].astype(np.float64), meta["wall"], meta["door"]),
                actions=actions[index],
                states=states[index],
                meta=meta,
            )

    def _render(self, states: Positions, wall: float, door: float) -> NDArray[np.uint8]:
        frames = render(states[:, :2], wall, door, self.options.size, self.options.dot_std)
        if self.squares is not None:
            frames += self.squares[distractor.cells(states[:, 2], len(self.squares))]
        return frames


def _moved(states: Positions, actions: Positions, wall: float, doors: Positions) -> Positions:
    """States [B, S] after actions [B, 2], rounded to float32 as the data set stores them."""
    positions = move(states[:, :2], actions, wall, doors)
    moved = np.concatenate([positions, distractor.following(states[:, 2:])], -1)
    return moved.astype(np.float32).astype(np.float64)
