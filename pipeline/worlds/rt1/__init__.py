"""RT-1-like: an arm picks up one of four objects, named by the task (after Brohan et al. 2023).

Actions [7] are as in the published data, at 3 Hz: translation x, y, z (m) and rotation roll, pitch,
yaw (rad) of the tool in the frame of the base, and the gripper: 1 open, 0 closed.
"""

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pipeline.episodes.cameras import Cameras
from pipeline.episodes.controls import Controls, Slider
from pipeline.episodes.episode import Episode, Meta
from pipeline.worlds import World, WorldOptions
from pipeline.worlds._shared.mujoco import Camera
from pipeline.worlds._shared.record import record
from pipeline.worlds.rt1.physics import STATE_DIM, Arm, State, object_poses
from pipeline.worlds.rt1.policy import Picker, scatter_objects
from pipeline.worlds.rt1.scene import OBJECTS

REACHED = 0.03  # success radius, m
SLIDERS = (
    Slider(0, "x (m)", ("KeyS", "KeyW")),
    Slider(1, "y (m)", ("KeyD", "KeyA")),
    Slider(2, "z (m)", ("KeyF", "KeyR")),
    Slider(3, "roll (rad)", ("KeyU", "KeyO")),
    Slider(4, "pitch (rad)", ("KeyK", "KeyI")),
    Slider(5, "yaw (rad)", ("KeyL", "KeyJ")),
    Slider(6, "gripper (1 open)", ("KeyC", "KeyV"), stays=True),
)


class Options(WorldOptions):
    """Options of the rt1 world."""

    height: int = Field(ge=16, description="of the frames in pixels (published: 256)")
    width: int = Field(ge=16, description="of the frames in pixels (published: 320)")
    depth: bool = Field(
        default=False, description="whether the depth of every pixel is recorded, too"
    )

    @property
    def frame_size(self) -> tuple[int, int]:
        """Height and width of the frames in pixels."""
        return self.height, self.width


def build(options: Options) -> "Rt1":
    """The world."""
    return Rt1(options)


class Rt1(World):
    """An arm and four objects; a `pipeline.worlds.World`."""

    state_dim = STATE_DIM
    low = np.array([-0.06, -0.06, -0.06, -0.1, -0.1, -0.35, 0], np.float32)
    high = np.array([0.06, 0.06, 0.06, 0.1, 0.1, 0.35, 1], np.float32)
    controls: ClassVar[Controls] = Controls(sliders=SLIDERS, idle=(0, 0, 0, 0, 0, 0, 1))

    def __init__(self, options: Options) -> None:
        """Compile the scene and open a renderer.

        Raises:
            ParamsError: OpenGL is not available on this machine.
        """
        self.options = options
        self._arm = Arm(options.height, options.width)
        self._camera = Camera(
            self._arm.model,
            (options.height, options.width),
            lookat=(0.5, 0, 0.4),
            distance=1.1,
            azimuth=130,
            elevation=-35,
        )
        self._arm.set_state(scatter_objects(np.random.default_rng(0)))

    def sample(
        self, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], Meta]:
        """Scattered objects, and where the collection policy leaves them: one is lifted."""
        task, picker = self._begin(rng)
        start = self.snapshot()
        for _ in range(self.options.steps):
            self.step(picker.act(self.snapshot()))
        return start, self.snapshot(), task

    def restore(self, state: NDArray[np.float32], meta: Meta) -> None:
        """Set the state [82]; `meta` is not used."""
        self._arm.set_state(state)

    def snapshot(self) -> NDArray[np.float32]:
        """The current state: observed [8], then the environment's [74]."""
        return self._arm.state()

    def step(self, action: NDArray[np.float32]) -> None:
        """Carry out an action [7] for a third of a second."""
        self._arm.step(action)

    def render(self) -> NDArray[np.uint8]:
        """The current frame, uint8 [height, width, 3] RGB."""
        return self._camera.render(self._arm.data)

    def cameras(self, states: NDArray[np.float32], meta: Meta) -> Cameras:
        """The camera, which stands still, with depth if `worlds.rt1.depth` says so."""
        if not self.options.depth:
            return self._camera.pinholes(len(states), None)
        depth = []
        for state in states:
            self._arm.set_state(state)
            depth.append(self._camera.depth(self._arm.data))
        return self._camera.pinholes(len(states), np.stack(depth))

    def distance(self, state: NDArray[np.float32], goal: NDArray[np.float32]) -> float:
        """Largest distance of the tool or any object from its position in the goal, in metres."""
        return float(np.linalg.norm(_points(state) - _points(goal), axis=1).max())

    def success(self, state: NDArray[np.float32], goal: NDArray[np.float32]) -> bool:
        """The tool and all objects are within 3 cm of the goal."""
        return self.distance(state, goal) < REACHED

    def coordinates(self, states: NDArray[np.float32]) -> NDArray[np.float32]:
        """Positions of the tool and the objects in metres, [N, 15]."""
        return np.stack([_points(state).ravel() for state in states]).astype(np.float32)

    def collect(self, episodes: int, steps: int, seed: int) -> Iterator[Episode]:
        """Record `episodes` episodes of `steps` frames; meta's `task` names the object to pick."""
        rng = np.random.default_rng(seed)
        for index in range(episodes):
            task, picker = self._begin(rng)
            yield record(self, f"episode_{index:06d}", steps, picker.act, task)

    def _begin(self, rng: np.random.Generator) -> tuple[Meta, Picker]:
        """Scatter the objects and draw one; returns its task and the policy."""
        self._arm.set_state(scatter_objects(rng))
        target = int(rng.integers(len(OBJECTS)))
        return {"task": f"pick {OBJECTS[target].name}"}, Picker(target, rng)


def _points(state: State) -> NDArray[np.float64]:
    """Positions of the tool and the objects, [5, 3]."""
    return np.concatenate([state[None, :3], object_poses(state)[:, :3]]).astype(np.float64)
