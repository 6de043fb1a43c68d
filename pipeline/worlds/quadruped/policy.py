"""The collecting policy: a trot at the commanded velocity, with noise; a third of it goes wrong."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes.episode import Meta
from pipeline.episodes.groups import LEGS
from pipeline.episodes.quadruped import BEND, HIP, LIMB, OFFSET, end, side
from pipeline.worlds.quadruped.physics import ACTION_SCALE, PERIOD

HARD = 0.35
"""Share of episodes that stumble or are pushed."""
REACH = 2 * LIMB * np.cos(BEND)
"""Of a leg from hip to foot in the default pose, m."""
MEMORY = 0.9
"""Of the noise that drifts, from one action to the next (an Ornstein-Uhlenbeck process)."""

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Gait:
    """A trot.

    Attributes:
        frequency: strides per second.
        lift: bend of the hip at the top of a step, rad.
        noise: standard deviation about the trot of each of an action's two noises: one that drifts
            (MEMORY), and a white one. Where noise drifts alone, states tell the next action, and
            a model of them learns little of what an action does.
    """

    frequency: float
    lift: float
    noise: float


class Trot:
    """Diagonal legs step together; the strides of each leg follow from the commanded velocity."""

    def __init__(self, meta: Meta, gait: Gait, rng: np.random.Generator) -> None:
        """Begin at a random phase, to the command of `meta`."""
        self.gait, self.rng = gait, rng
        self.phase = rng.uniform(0, 2 * np.pi)
        self.drift = np.zeros(3 * len(LEGS))
        place = np.array([[end(leg) * HIP[0], side(leg) * (HIP[1] + OFFSET)] for leg in LEGS])
        turn = float(meta["wz"])
        self.speeds = np.array([float(meta["vx"]), float(meta["vy"])]) + turn * np.stack(
            [-place[:, 1], place[:, 0]], 1
        )  # of the ground under each foot, [4, 2]

    def act(self, state: NDArray[np.float32]) -> NDArray[np.float32]:
        """The next action [12]; the state is not looked at."""
        self.phase += 2 * np.pi * self.gait.frequency * PERIOD
        drawn, white = self.rng.normal(size=(2, 12))
        self.drift = MEMORY * self.drift + np.sqrt(1 - MEMORY**2) * drawn
        phase = self.phase + np.pi * np.array([side(leg) == end(leg) for leg in LEGS])
        # A foot on the ground moves as far as the trunk does in half a stride.
        stride = self.speeds / (4 * self.gait.frequency) * np.cos(phase)[:, None]
        lift = self.gait.lift * np.maximum(0, -np.sin(phase))
        ends = np.array([end(leg) for leg in LEGS])
        haa, hfe = stride[:, 1] / REACH, -stride[:, 0] / REACH + ends * lift
        offsets: Vector = np.concatenate([haa, hfe, -2 * ends * lift])
        return (offsets / ACTION_SCALE + self.gait.noise * (self.drift + white)).astype(np.float32)


def draw_command(rng: np.random.Generator) -> Meta:
    """A command: vx and vy in m/s, wz in rad/s."""
    low, high = (-0.2, -0.2, -0.4), (0.8, 0.2, 0.4)
    return dict(zip(("vx", "vy", "wz"), rng.uniform(low, high).tolist(), strict=True))


def draw_gait(rng: np.random.Generator, stumbling: bool) -> Gait:
    """An even trot, or a hasty one that stumbles."""
    if stumbling:
        return Gait(rng.uniform(1.0, 3.5), rng.uniform(0.05, 0.5), rng.uniform(0.3, 0.8))
    return Gait(rng.uniform(2.2, 2.8), rng.uniform(0.2, 0.3), rng.uniform(0.05, 0.2))


def draw_push(rng: np.random.Generator, steps: int) -> Meta:
    """When, in actions, and by how much, in m/s, the trunk is pushed."""
    angle, speed = rng.uniform(0, 2 * np.pi), rng.uniform(1, 3)
    push = speed * np.cos(angle), speed * np.sin(angle)
    return {"push_at": int(rng.integers(steps // 4, steps)), "push_x": push[0], "push_y": push[1]}
