"""Room: a walk through a furnished room in first person, with known cameras and exact depth.

The eye moves at one height in a room of textured boxes, which is a MuJoCo model. Frames are cast
ray by ray, without OpenGL, so that they are the same on every machine, and depth is that of the
faces, not of a z-buffer. Before the eye there may be an object that jumps, which nobody can
predict.
"""

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pipeline.episodes.cameras import Cameras, rays
from pipeline.episodes.controls import Controls, Look, Stick, Turn
from pipeline.episodes.episode import Episode, Meta
from pipeline.worlds import World, WorldOptions
from pipeline.worlds._shared import distractor
from pipeline.worlds._shared.record import record
from pipeline.worlds.room import camera, locate, policy, scene
from pipeline.worlds.room.policy import MOST_PITCH, RADIUS, Walker, wrapped

REACHED = 0.3
"""Success radius in metres, or radians, of place, yaw and pitch together."""
WIDE = 1.25
"""Times as far as actions lead: where a frame after them is sought."""


class Options(WorldOptions):
    """Options of the room world."""

    height: int = Field(ge=16, description="of the frames in pixels")
    width: int = Field(ge=16, description="of the frames in pixels")
    view: float = Field(gt=10, lt=140, description="width of the field of view in degrees")
    boxes: int = Field(ge=0, le=8, description="pieces of furniture, as far as there is room")
    rooms: list[int] = Field(min_length=1, description="seeds of rooms; an episode draws one")
    depth: bool = Field(description="whether the depth of every pixel is recorded")
    jumping: int | None = Field(
        ge=2,
        le=8,
        description="cells of the frame along each side, to a random one of which a blue square "
        "jumps in every frame, and nothing else is blue; null: none",
    )

    @property
    def frame_size(self) -> tuple[int, int]:
        """Height and width of the frames in pixels."""
        return self.height, self.width

    def distractor_frames(self) -> NDArray[np.uint8] | None:
        """Frames [K, height, width, 3] of the blue square in each of its cells."""
        if self.jumping is None:
            return None
        return distractor.pictures(self.jumping, self.height, self.width)


def build(options: Options) -> "Room":
    """The world."""
    return Room(options)


class Room(World):
    """A walk through a room; a `pipeline.worlds.World`.

    A state is x, y in metres, yaw and pitch in radians and, with an object that jumps, the draw in
    0..1 of its cell: yaw 0 looks along x and grows to the left, pitch grows upwards. An action [4]
    goes ahead and to the right in metres, as the eye looks when it begins, and turns to the left
    and up in radians. Walls and furniture are slid along.
    """

    obstacles = True
    high = np.array([0.25, 0.15, 0.25, 0.12], np.float32)
    low = -high
    controls: ClassVar[Controls] = Controls(
        stick=Stick(1, 0, (0.15, -0.25), arrows=False),
        look=Look(Turn(2, -0.004, -0.15), Turn(3, -0.004, -0.08)),
    )

    def __init__(self, options: Options) -> None:
        """Stand in the first of the rooms."""
        self.options = options
        self.squares = options.distractor_frames()
        self.draws = 0 if self.squares is None else 1
        self.state_dim = 4 + self.draws
        focal = options.width / 2 / np.tan(np.radians(options.view) / 2)
        self.intrinsics = np.array([focal, focal, options.width / 2, options.height / 2])
        self._rays = camera.fine_rays(options.frame_size, self.intrinsics)
        self._centres = rays(options.frame_size, self.intrinsics).reshape(-1, 3).T.copy()
        meta: Meta = {"room": options.rooms[0]}
        self._enter(meta)
        rng = np.random.default_rng(0)
        self.restore(self._jumping(policy.free_state(self.scene, rng), rng), meta)

    def sample(
        self, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], Meta]:
        """Two states in one of the rooms."""
        meta = self._draw_room(rng)
        start, goal = (policy.free_state(self.scene, rng) for _ in range(2))
        while self.success(start, goal):
            goal = policy.free_state(self.scene, rng)
        return self._jumping(start, rng), self._jumping(goal, rng), meta

    def restore(self, state: NDArray[np.float32], meta: Meta) -> None:
        """Set the state [S], in the room of `meta`."""
        self._enter(meta)
        self.state = np.array(state, np.float64)

    def snapshot(self) -> NDArray[np.float32]:
        """The current state [S]."""
        return self.state.astype(np.float32)

    def step(self, action: NDArray[np.float32]) -> None:
        """Walk and turn by an action [4]."""
        self.state = self._moved(self.state[None], np.asarray(action, np.float64)[None])[0]

    def render(self) -> NDArray[np.uint8]:
        """The current frame, uint8 [height, width, 3] RGB."""
        frame = camera.picture(self.scene, self.state, self._rays, self.options.frame_size)
        if self.squares is not None:
            cell = distractor.cells(self.state[4], len(self.squares))
            frame[..., 2] = self.squares[cell, ..., 2]
        return frame

    def mjcf(self) -> str:
        """The room as a MuJoCo model in XML, with a camera `eye` in the current state.

        Of its textures each geom has the mean colour.
        """
        right, down, _ = camera.pose(self.state)[:3, :3]
        fovy = np.degrees(2 * np.arctan(self.options.height / 2 / self.intrinsics[1]))
        element = (
            f'<camera name="eye" pos="{scene.words(camera.eye(self.state))}" fovy="{fovy}" '
            f'xyaxes="{scene.words(np.append(right, -down))}"/>'
        )
        return scene.mjcf(self.scene.low, self.scene.high, self.scene.tiles, element)

    def cameras(self, states: NDArray[np.float32], meta: Meta) -> Cameras:
        """Cameras of states [N, S], with depth if `worlds.room.depth` says so."""
        self._enter(meta)
        poses = np.stack([camera.pose(state) for state in states.astype(np.float64)])
        intrinsics = np.tile(self.intrinsics, (len(states), 1))
        if not self.options.depth:
            return Cameras(intrinsics, poses)
        depth = [
            # The rays have z 1 in camera coordinates: their multiples are depths.
            camera.met(self.scene, state, self._centres)[0]
            for state in states.astype(np.float64)
        ]
        shape = len(states), *self.options.frame_size
        return Cameras(intrinsics, poses, np.stack(depth).reshape(shape).astype(np.float32))

    def locate(
        self, frames: NDArray[np.uint8], start: NDArray[np.float32], steps: int, meta: Meta
    ) -> NDArray[np.float32]:
        """States [N, S] of which frames [N, H, W, 3] are most likely pictures.

        An object that jumps is not looked at, and stays where it was.
        """
        self._enter(meta)
        seen = frames if self.squares is None else frames[..., :2]
        shape = np.array([*self.options.frame_size[::-1]] * 2)
        directions = locate.lenses(self.intrinsics / shape, frames.shape[1:3])
        reach, near = WIDE * steps * self.high.astype(np.float64), start[:4].astype(np.float64)
        states = np.tile(start, (len(frames), 1))
        for number, frame in enumerate(seen.astype(np.float64)):
            shrunk = {side: locate.shrunk(frame, side) for side in directions}
            near = locate.located(locate.Target(self.scene, near, shrunk, directions), reach)
            states[number, :4] = near
        return states

    def distance(self, state: NDArray[np.float32], goal: NDArray[np.float32]) -> float:
        """Euclidean distance of coordinates."""
        ends = self.coordinates(np.stack([state, goal]))
        return float(np.linalg.norm(ends[0] - ends[1]))

    def success(self, state: NDArray[np.float32], goal: NDArray[np.float32]) -> bool:
        """Within 0.3 of the goal."""
        return self.distance(state, goal) < REACHED

    def coordinates(self, states: NDArray[np.float32]) -> NDArray[np.float32]:
        """x, y, cosine and sine of the yaw, and pitch, [N, 5]: a metre counts as a radian."""
        x, y, yaw, pitch = states[:, :4].T
        return np.stack([x, y, np.cos(yaw), np.sin(yaw), pitch], -1).astype(np.float32)

    def straight(self, goal: NDArray[np.float32]) -> NDArray[np.float32]:
        """The action [4] that walks and turns towards a goal at once, as fast as it may."""
        high = self.high.astype(np.float64)
        return policy.towards(self.state, np.asarray(goal, np.float64), high)

    def detour(self, goal: NDArray[np.float32]) -> bool:
        """Whether furniture stands on the straight line to a goal."""
        end = np.asarray(goal, np.float64)[:2]
        return scene.blocked(self.scene, self.state[:2], end, RADIUS - policy.TOUCHING)

    def simulate(
        self, state: NDArray[np.float32], meta: Meta, actions: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """States [N, T, S] after actions [N, T, 4], in one batch."""
        self._enter(meta)
        current = np.tile(np.asarray(state, np.float64), (len(actions), 1))
        states = np.empty((*actions.shape[:2], self.state_dim), np.float32)
        for step in range(actions.shape[1]):
            current = self._moved(current, actions[:, step].astype(np.float64))
            states[:, step] = current
        return states

    def collect(self, episodes: int, steps: int, seed: int) -> Iterator[Episode]:
        """Record `episodes` walks of `steps` frames."""
        rng, jumps = np.random.default_rng(seed), np.random.default_rng([seed, 1])
        for index in range(episodes):
            meta = self._draw_room(rng)
            self.restore(self._jumping(policy.free_state(self.scene, rng), jumps), meta)
            walker = Walker(self.scene, self.high, rng)
            yield record(self, f"episode_{index:03d}", steps, walker.act, meta)

    def _jumping(self, state: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        """A state [S] of a state [4] of the eye: the object, if there is one, is anywhere."""
        return np.append(state, distractor.first((self.draws,), rng)).astype(np.float32)

    def _draw_room(self, rng: np.random.Generator) -> Meta:
        meta: Meta = {"room": int(rng.choice(self.options.rooms))}
        self._enter(meta)
        return meta

    def _enter(self, meta: Meta) -> None:
        self.scene = scene.make(int(meta["room"]), self.options.boxes)

    def _moved(
        self, states: NDArray[np.float64], actions: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """States [N, S] after actions [N, 4], rounded to float32 as data sets store them."""
        yaw, moved = states[:, 2], states.copy()
        ahead, right = actions[:, 0], actions[:, 1]
        way = np.stack(
            [
                ahead * np.cos(yaw) + right * np.sin(yaw),
                ahead * np.sin(yaw) - right * np.cos(yaw),
            ],
            -1,
        )
        for axis in (0, 1):
            tried = moved.copy()
            tried[:, axis] += way[:, axis]
            stops = scene.inside(self.scene, tried[:, :2].astype(np.float32), RADIUS)
            moved[:, axis] = np.where(stops, moved[:, axis], tried[:, axis])
        moved[:, 2] = wrapped(yaw + actions[:, 2])
        moved[:, 3] = np.clip(states[:, 3] + actions[:, 3], -MOST_PITCH, MOST_PITCH)
        moved[:, 4:] = distractor.following(states[:, 4:])
        return moved.astype(np.float32).astype(np.float64)
