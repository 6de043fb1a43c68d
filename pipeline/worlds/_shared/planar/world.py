"""The protocol of a world, over a simulation of particles on a table."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes.episode import Episode, Meta
from pipeline.worlds._shared.mujoco import Camera
from pipeline.worlds._shared.planar import Places, Thing
from pipeline.worlds._shared.planar.policy import SPACE, aim
from pipeline.worlds._shared.planar.simulation import Simulation
from pipeline.worlds._shared.record import record


class Planar:
    """One heap of particles on a table; see `pipeline.worlds.World`.

    A state holds x, height, z and 1 (FleX's inverse mass) of each particle, flattened [4 P]. An
    action is one whole push [x_start, z_start, x_end, z_end], z with its sign flipped.
    """

    low, high = np.full(4, -SPACE, np.float32), np.full(4, SPACE, np.float32)

    def __init__(self, thing: Thing, size: int) -> None:
        """Lay `thing` in the middle and look at it in frames of `size` pixels."""
        self.thing = thing
        self.simulation = Simulation(thing.scene)
        self.state_dim = 4 * len(self.simulation.places)
        # DINO-WM's camera stands at (6, 10, 6): x points down to the right, z down to the left.
        self.camera = Camera(self.simulation.model, (size, size), (0, 0, 0), 7.5, 135, -50)
        self._lay(np.random.default_rng(0))

    def sample(
        self, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], Meta]:
        """A start as episodes have it, and a goal made of it that is not reached yet."""
        present = self.snapshot()
        self._lay(rng)
        start = self.snapshot()
        laid, goal = self.simulation.places, start
        while self.success(start, goal):
            self.simulation.place(self.thing.rearrange(laid, rng))
            self.simulation.settle()
            goal = self.snapshot()
        self.restore(present, {})
        return start, goal, {}

    def restore(self, state: NDArray[np.float32], meta: Meta) -> None:
        """Put the particles at a state [4 P]; all episodes have the same table."""
        self.simulation.place(_places(state))

    def snapshot(self) -> NDArray[np.float32]:
        """Where the particles are, [4 P]."""
        places = self.simulation.places
        height, mass = np.full(len(places), self.thing.scene.height), np.ones(len(places))
        particles = np.stack([places[:, 0], height, -places[:, 1], mass], -1)
        return particles.astype(np.float32).ravel()

    def step(self, action: NDArray[np.float32]) -> None:
        """Carry out one push [4]; one that stays away from all particles moves none."""
        start, end = np.split(np.asarray(action, np.float64), 2)
        self.simulation.push(start, end)

    def render(self) -> NDArray[np.uint8]:
        """The present frame, [size, size, 3]."""
        return self.camera.render(self.simulation.data)

    def distance(self, state: NDArray[np.float32], goal: NDArray[np.float32]) -> float:
        """Chamfer distance as DINO-WM has it.

        The mean distance of a particle to the nearest one of the other state, summed both ways.
        """
        between = _places(state)[:, None] - _places(goal)[None]
        apart = np.linalg.norm(between, axis=-1)  # heights are equal
        return float(apart.min(1).mean() + apart.min(0).mean())

    def success(self, state: NDArray[np.float32], goal: NDArray[np.float32]) -> bool:
        """Nearer to the goal than `Thing.reached`; ours, for DINO-WM has no threshold."""
        return self.distance(state, goal) < self.thing.reached

    def collect(self, episodes: int, steps: int, seed: int) -> Iterator[Episode]:
        """Record `episodes` episodes of `steps` frames with random pushes."""
        rng = np.random.default_rng(seed)
        for index in range(episodes):
            self._lay(rng)
            yield record(self, f"episode_{index:03d}", steps, lambda _: self._aim(rng), {})

    def _aim(self, rng: np.random.Generator) -> NDArray[np.float32]:
        return aim(self.simulation.places, rng)

    def _lay(self, rng: np.random.Generator) -> None:
        self.simulation.place(self.thing.lay(rng))
        self.simulation.settle()


def _places(state: NDArray[np.float32]) -> Places:
    particles = np.asarray(state, np.float64).reshape(-1, 4)
    return np.stack([particles[:, 0], -particles[:, 2]], -1)
