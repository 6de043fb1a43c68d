"""Quadruped: a robot of four legs walks, stumbles and is pushed over (after RWM, Li et al. 2025).

A state is float32 [77], of which the first 54 are the observed groups (`physics`); an action is the
offset of the twelve joints' targets from the default pose, in units of half a radian, for 20 ms. An
episode ends when the trunk touches the ground, or when its time is out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes.controls import Controls, generic
from pipeline.episodes.episode import Episode, Meta
from pipeline.episodes.groups import JOINTS, TERMINATION
from pipeline.episodes.quadruped import SIZE, draw
from pipeline.worlds import World, WorldOptions
from pipeline.worlds.quadruped.physics import (
    ANGLES,
    CLOCK,
    GRAVITY,
    PERIOD,
    POSITION,
    STATE_DIM,
    Robot,
    standing,
)
from pipeline.worlds.quadruped.policy import HARD, Trot, draw_command, draw_gait, draw_push

REACHED = 0.1
"""Largest distance of a posture that counts as another's: one action of a walk moves it by .15."""
AHEAD = 10
"""Actions from the start of a sampled task to its goal."""


class Options(WorldOptions):
    """Options of the quadruped world: how much it records; an episode that falls is shorter."""

    @property
    def frame_size(self) -> tuple[int, int]:
        """Height and width of the frames in pixels."""
        return SIZE, SIZE


def build(options: Options) -> "Quadruped":
    """The world."""
    return Quadruped(options)


@dataclass(frozen=True, slots=True)
class Walk:
    """One episode without its pictures: states [T, 77], actions [T, 12], and its meta."""

    states: NDArray[np.float32]
    actions: NDArray[np.float32]
    meta: Meta


class Quadruped(World):
    """A walking robot; a `pipeline.worlds.World`."""

    state_dim = STATE_DIM
    low, high = np.full(12, -1, np.float32), np.full(12, 1, np.float32)
    controls: ClassVar[Controls] = generic(JOINTS)

    def __init__(self, options: Options) -> None:
        """Stand in the default pose."""
        self.options = options
        self.robot = Robot()
        self._meta: Meta = {}

    def sample(
        self, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], Meta]:
        """Two moments of an undisturbed walk, .2 s apart, in other postures."""
        meta = draw_command(rng)
        while True:
            walk = self._walk(meta, int(rng.integers(2, 40)) + AHEAD, False, rng)
            start, goal = walk.states[-1 - AHEAD], walk.states[-1]
            if len(walk.states) > AHEAD and not self.success(start, goal):
                return start, goal, meta

    def restore(self, state: NDArray[np.float32], meta: Meta) -> None:
        """Set the state [77]; `meta` says when the robot is pushed, if it is."""
        self._meta = meta
        self.robot.restore(state)

    def snapshot(self) -> NDArray[np.float32]:
        """The current state [77]."""
        return self.robot.state.copy()

    def step(self, action: NDArray[np.float32]) -> None:
        """Carry out an action [12] for 20 ms, pushed if its time has come."""
        kick = np.zeros(2)
        if self._meta.get("push_at") == self.robot.state[CLOCK]:
            kick[:] = float(self._meta["push_x"]), float(self._meta["push_y"])
        self.robot.step(action, kick)

    def render(self) -> NDArray[np.uint8]:
        """The current frame, uint8 [64, 64, 3] RGB."""
        return draw(self.robot.state[None])[0]

    def draw(self, states: NDArray[np.float32], meta: Meta) -> NDArray[np.uint8]:
        """Frames uint8 [N, 64, 64, 3] of states [N, 77]."""
        return draw(states)

    def distance(self, state: NDArray[np.float32], goal: NDArray[np.float32]) -> float:
        """Euclidean distance of the postures: joints in radians and the direction of gravity."""
        here, there = self.coordinates(np.stack([state, goal])).astype(np.float64)
        return float(np.linalg.norm(here - there))

    def success(self, state: NDArray[np.float32], goal: NDArray[np.float32]) -> bool:
        """Nearly in the posture of the goal."""
        return self.distance(state, goal) < REACHED

    def coordinates(self, states: NDArray[np.float32]) -> NDArray[np.float32]:
        """Postures [N, 15]: the angles of the joints in radians, and the direction of gravity."""
        states = np.asarray(states, np.float32)
        return np.concatenate([states[:, ANGLES], states[:, GRAVITY]], 1)

    def collect(self, episodes: int, steps: int, seed: int) -> Iterator[Episode]:
        """Record `episodes` episodes of `steps` frames, or less where the robot falls."""
        rng = np.random.default_rng(seed)
        for index in range(episodes):
            hard = rng.random() < HARD
            meta = draw_command(rng)
            pushed = hard and rng.random() < 0.5
            if pushed:
                meta = {**meta, **draw_push(rng, steps)}
            walk = self._walk(meta, steps, hard and not pushed, rng)
            yield Episode(
                key=f"episode_{index:04d}",
                frames=draw(walk.states),
                actions=walk.actions,
                states=walk.states,
                meta={**walk.meta, "dt": PERIOD},
            )

    def _walk(self, meta: Meta, steps: int, stumbling: bool, rng: np.random.Generator) -> Walk:
        """Walk from the default pose for `steps` states, or until the trunk touches the ground."""
        self.restore(standing(), meta)
        policy = Trot(meta, draw_gait(rng, stumbling), rng)
        states, actions = [self.snapshot()], [policy.act(self.snapshot())]
        while len(states) < steps and not states[-1][TERMINATION].any():
            self.step(actions[-1])
            states.append(self.snapshot())
            actions.append(policy.act(states[-1]))
        return Walk(np.stack(states), np.stack(actions), meta)


def walked(states: NDArray[np.float32]) -> float:
    """How far the trunk is from where it was, over the ground, after states [T, 77], in metres."""
    return float(np.linalg.norm((states[-1] - states[0])[POSITION][:2].astype(np.float64)))
