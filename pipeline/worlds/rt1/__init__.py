"""RT-1-like: an arm picks up the named one of four objects on a table (after Brohan et al. 2023).

Actions [7] are as in the published data, three a second: x, y, z (m) and roll, pitch, yaw (rad) by
which the tool is moved and turned in the frame of the base, and the gripper: 1 open, 0 closed.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pipeline.episodes.episode import Episode, Meta
from pipeline.worlds import Recording
from pipeline.worlds._shared.mujoco import Camera
from pipeline.worlds._shared.record import record
from pipeline.worlds.rt1.physics import STATE_DIM, Arm, State, things
from pipeline.worlds.rt1.policy import Picker, scatter
from pipeline.worlds.rt1.scene import THINGS

REACHED = 0.03  # success radius, m


class Options(Recording):
    """The size of the pictures."""

    height: int = Field(ge=16, description="of the frames in pixels (published: 256)")
    width: int = Field(ge=16, description="of the frames in pixels (published: 320)")


def build(options: Options) -> "Rt1":
    """The simulator."""
    return Rt1(options)


class Rt1:
    """One arm and four objects; see `pipeline.worlds.World`."""

    state_dim = STATE_DIM
    low = np.array([-0.06, -0.06, -0.06, -0.1, -0.1, -0.35, 0], np.float32)
    high = np.array([0.06, 0.06, 0.06, 0.1, 0.1, 0.35, 1], np.float32)

    def __init__(self, options: Options) -> None:
        """Compile the scene and open a renderer.

        Raises:
            ParamsError: this machine cannot draw.
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
        self._arm.write(scatter(np.random.default_rng(0)))

    def sample(
        self, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], Meta]:
        """Scattered objects, and how the collection policy leaves them: one is held up."""
        task, picker = self._begin(rng)
        start = self.snapshot()
        for _ in range(self.options.steps):
            self.step(picker.act(self.snapshot()))
        return start, self.snapshot(), task

    def restore(self, state: NDArray[np.float32], meta: Meta) -> None:
        """Put arm and objects into a state [82]; all episodes have the same ones."""
        self._arm.write(state)

    def snapshot(self) -> NDArray[np.float32]:
        """What is observed [8], then all the rest that there is to know [74]."""
        return self._arm.read()

    def step(self, action: NDArray[np.float32]) -> None:
        """Carry out an action [7] for a third of a second."""
        self._arm.step(action)

    def render(self) -> NDArray[np.uint8]:
        """The present frame, [height, width, 3]."""
        return self._camera.render(self._arm.data)

    def distance(self, state: NDArray[np.float32], goal: NDArray[np.float32]) -> float:
        """The farthest that the tool or any object is from where it should be, in metres."""
        here, there = _points(state), _points(goal)
        return float(np.linalg.norm(here - there, axis=1).max())

    def success(self, state: NDArray[np.float32], goal: NDArray[np.float32]) -> bool:
        """The tool and all objects are within 3 cm of where they should be."""
        return self.distance(state, goal) < REACHED

    def collect(self, episodes: int, steps: int, seed: int) -> Iterator[Episode]:
        """Record `episodes` episodes of `steps` frames; each picks up an object, told by `task`."""
        rng = np.random.default_rng(seed)
        for index in range(episodes):
            task, picker = self._begin(rng)
            yield record(self, f"episode_{index:06d}", steps, picker.act, task)

    def _begin(self, rng: np.random.Generator) -> tuple[Meta, Picker]:
        """Scatter the objects and choose one; its task in words, and who carries it out."""
        self._arm.write(scatter(rng))
        thing = int(rng.integers(len(THINGS)))
        return {"task": f"pick {THINGS[thing].name}"}, Picker(thing, rng)


def _points(state: State) -> NDArray[np.float64]:
    """Positions of the tool and the objects, [5, 3]."""
    return np.concatenate([state[None, :3], things(state)[:, :3]]).astype(np.float64)
