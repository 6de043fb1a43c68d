"""The World of a deformable object on a table."""

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes.cameras import ahead, looking
from pipeline.episodes.controls import Controls, Push
from pipeline.episodes.episode import Episode, Meta
from pipeline.worlds import World
from pipeline.worlds._shared.mujoco import Camera
from pipeline.worlds._shared.planar import Deformable, Positions
from pipeline.worlds._shared.planar.policy import START_LIMIT, sample_push
from pipeline.worlds._shared.planar.simulation import Simulation
from pipeline.worlds._shared.record import record

# DINO-WM's camera is at (6, 10, 6): x points down to the right, z down to the left.
DISTANCE, AZIMUTH, ELEVATION = 7.5, 135.0, -50.0
VIEW = 45.0
"""Height of the field of view in degrees: MuJoCo's default."""


def table() -> tuple[float, ...]:
    """Homography [9] from places on a frame, as fractions, to x and y on the table."""
    azimuth, elevation = np.radians([AZIMUTH, ELEVATION])
    pose = looking(-DISTANCE * ahead(azimuth, elevation), azimuth, elevation)
    focal = 0.5 / np.tan(np.radians(VIEW) / 2)
    intrinsics = np.array([[focal, 0, 0.5], [0, focal, 0.5], [0, 0, 1]])
    return tuple(np.linalg.inv(intrinsics @ pose[:3, [0, 1, 3]]).ravel().tolist())


class Planar(World):
    """A deformable object on a table; a `pipeline.worlds.World`.

    A state holds x, height, z and 1 (FleX's inverse mass) of each particle, flattened [4 P]. An
    action is one whole push [x_start, z_start, x_end, z_end], z with its sign flipped.
    """

    low, high = np.full(4, -START_LIMIT, np.float32), np.full(4, START_LIMIT, np.float32)
    controls: ClassVar[Controls] = Controls(push=Push((0, 1, 2, 3), table()))

    def __init__(self, deformable: Deformable, size: int) -> None:
        """Put the object on the table; frames are `size` x `size` pixels."""
        self.deformable = deformable
        self.simulation = Simulation(deformable.scene)
        self.state_dim = 4 * len(self.simulation.positions)
        self.camera = Camera(
            self.simulation.model, (size, size), (0, 0, 0), DISTANCE, AZIMUTH, ELEVATION
        )
        self._reset(np.random.default_rng(0))

    def sample(
        self, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], Meta]:
        """A start as episodes have it, and a goal made from it that it has not reached."""
        current = self.snapshot()
        self._reset(rng)
        start = self.snapshot()
        initial, goal = self.simulation.positions, start
        while self.success(start, goal):
            self.simulation.set_positions(self.deformable.sample_goal(initial, rng))
            self.simulation.settle()
            goal = self.snapshot()
        self.restore(current, {})
        return start, goal, {}

    def restore(self, state: NDArray[np.float32], meta: Meta) -> None:
        """Set the state [4 P]; `meta` is not used."""
        self.simulation.set_positions(_positions(state))

    def snapshot(self) -> NDArray[np.float32]:
        """The current state [4 P]."""
        positions = self.simulation.positions
        height, mass = (
            np.full(len(positions), self.deformable.scene.height),
            np.ones(len(positions)),
        )
        particles = np.stack([positions[:, 0], height, -positions[:, 1], mass], -1)
        return particles.astype(np.float32).ravel()

    def step(self, action: NDArray[np.float32]) -> None:
        """Carry out one push [4]; a push out of reach of all particles moves none."""
        start, end = np.split(np.asarray(action, np.float64), 2)
        self.simulation.push(start, end)

    def render(self) -> NDArray[np.uint8]:
        """The current frame, uint8 [size, size, 3] RGB."""
        return self.camera.render(self.simulation.data)

    def distance(self, state: NDArray[np.float32], goal: NDArray[np.float32]) -> float:
        """Chamfer distance as in DINO-WM.

        The mean distance of a particle to the nearest one of the other state, summed over both
        directions.
        """
        differences = _positions(state)[:, None] - _positions(goal)[None]
        distances = np.linalg.norm(differences, axis=-1)  # heights are equal
        return float(distances.min(1).mean() + distances.min(0).mean())

    def success(self, state: NDArray[np.float32], goal: NDArray[np.float32]) -> bool:
        """Nearer to the goal than `Deformable.success_distance`; DINO-WM has no threshold."""
        return self.distance(state, goal) < self.deformable.success_distance

    def coordinates(self, states: NDArray[np.float32]) -> NDArray[np.float32]:
        """Positions of all particles, x and z, [N, 2 P].

        Their Euclidean distance compares each particle with itself, where `distance` takes the
        nearest one: the same shape of other particles is no distance away, but has others.
        """
        return states.reshape(len(states), -1, 4)[:, :, [0, 2]].reshape(len(states), -1)

    def collect(self, episodes: int, steps: int, seed: int) -> Iterator[Episode]:
        """Record `episodes` episodes of `steps` frames with random pushes."""
        rng = np.random.default_rng(seed)
        for index in range(episodes):
            self._reset(rng)
            yield record(self, f"episode_{index:03d}", steps, lambda _: self._sample_push(rng), {})

    def _sample_push(self, rng: np.random.Generator) -> NDArray[np.float32]:
        return sample_push(self.simulation.positions, rng)

    def _reset(self, rng: np.random.Generator) -> None:
        self.simulation.set_positions(self.deformable.sample_start(rng))
        self.simulation.settle()


def _positions(state: NDArray[np.float32]) -> Positions:
    particles = np.asarray(state, np.float64).reshape(-1, 4)
    return np.stack([particles[:, 0], -particles[:, 2]], -1)
