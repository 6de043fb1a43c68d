"""Planning tasks: a start and a goal state, recorded or random."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes.episode import Meta
from pipeline.errors import DataError, ParamsError
from pipeline.latents.cache import LatentCache
from pipeline.plan import Goals
from pipeline.worlds import World

MAX_REJECTIONS = 100
"""Draws per task that may be solved already, or of the wrong kind."""


@dataclass(frozen=True, slots=True)
class Task:
    """A start and a goal.

    Attributes:
        episode: key of the recorded episode; empty if the task is random.
        step: frame of the episode at which the task starts.
        states: the past model frames' states, the start last, [K, S].
        past: actions between them [K - 1, interval, A].
        actions: the next recorded actions [goal_steps, A]; none if the task is random.
        goal: state [S] after replaying them in the simulator, or a random state.
        goal_frame: uint8 [H, W, 3], rendered in the goal state.
        meta: what the world needs to restore the episode's states.
    """

    episode: str
    step: int
    states: NDArray[np.float32]
    past: NDArray[np.float32]
    actions: NDArray[np.float32]
    goal: NDArray[np.float32]
    goal_frame: NDArray[np.uint8]
    meta: Meta

    @property
    def start(self) -> NDArray[np.float32]:
        """State [S] that the task starts from."""
        return self.states[-1]


@dataclass(slots=True)
class TaskSource:
    """Draws tasks from validation episodes, or at random.

    Attributes:
        world: replays and renders goals.
        cache: the recorded episodes.
        goals: which tasks are wanted.
        interval: environment steps of a model frame.
        context: model frames of the past that a task comes with, where the recording has them.
        seed: of all draws.
        solved: draws that were solved at the start.
    """

    world: World
    cache: LatentCache
    goals: Goals
    interval: int
    context: int
    seed: int
    solved: int = 0

    def draw(self) -> list[Task]:
        """The tasks.

        Goals are replayed in the simulator, not taken from the recording, so that they are
        reachable.

        Raises:
            ParamsError: no validation episode is long enough.
            DataError: nearly all draws are solved at the start, or of the wrong kind.
        """
        rng = np.random.default_rng(self.seed)
        draw = self._random if self.goals.source == "random" else self._recorded
        episodes = self._episodes() if self.goals.source == "dataset" else []
        tasks: list[Task] = []
        most = MAX_REJECTIONS * self.goals.count
        for _ in range(most + self.goals.count):
            task = draw(rng, episodes)
            if task is not None:
                tasks.append(task)
            if len(tasks) == self.goals.count:
                return tasks
        raise DataError(
            f"{self.cache.path}: of {most} draws {len(tasks)} give a task ({self.solved} were "
            f"solved at the start); {self._way_out()}"
        )

    def _way_out(self) -> str:
        if self.solved > MAX_REJECTIONS * self.goals.count / 2:
            return "raise plan.goals.frames"
        return f"set plan.goals.detour: null instead of {str(self.goals.detour).lower()}"

    def _episodes(self) -> list[int]:
        """Validation episodes in which a goal fits, and the past before its start."""
        least = (self.goals.frames[0] + self.context - 1) * self.interval
        entries = self.cache.seal.episodes
        lengths = {episode: entries[episode].length for episode in self.cache.episodes("val")}
        episodes = [episode for episode, length in lengths.items() if length > least]
        if not episodes:
            raise ParamsError(
                f"plan.goals.frames and plan.context need {least} steps of an episode, but the "
                f"longest validation episode in {self.cache.path} has {max(lengths.values())} "
                "frames; lower one"
            )
        return episodes

    def _random(self, rng: np.random.Generator, _: list[int]) -> Task | None:
        start, goal, meta = self.world.sample(rng)
        if not self._wanted(start, goal, meta):
            return None
        self.world.restore(goal, meta)
        none = np.zeros((0, len(self.world.low)), np.float32)
        past = np.zeros((0, self.interval, len(self.world.low)), np.float32)
        return Task("", 0, start[None], past, none, goal, self.world.render(), meta)

    def _recorded(self, rng: np.random.Generator, episodes: list[int]) -> Task | None:
        """A task at a random frame of an episode, its goal replayed; None if it is not wanted."""
        episode = int(rng.choice(episodes))
        entry, first = self.cache.seal.episodes[episode], int(self.cache.starts[episode])
        low, high = self.goals.frames
        before = (self.context - 1) * self.interval
        most = (entry.length - 1 - before) // self.interval
        frames = int(rng.integers(low, min(high, most) + 1))
        step = before + int(rng.integers(entry.length - before - frames * self.interval))
        at = first + step
        actions = self.cache.actions[at : at + frames * self.interval]
        states = self.cache.states[at - before : at + 1 : self.interval]
        past = self.cache.actions[at - before : at]
        past = past.reshape(-1, self.interval, past.shape[1])
        recorded = self.cache.states[at + frames * self.interval]
        if not self._wanted(states[-1], recorded, entry.meta):
            return None
        self.world.restore(states[-1], entry.meta)
        for action in actions:
            self.world.step(action)
        goal, frame = self.world.snapshot(), self.world.render()
        if not self._wanted(states[-1], goal, entry.meta):
            return None
        return Task(entry.key, step, states, past, actions, goal, frame, entry.meta)

    def _wanted(self, start: NDArray[np.float32], goal: NDArray[np.float32], meta: Meta) -> bool:
        if self.world.success(start, goal):
            self.solved += 1
            return False
        if self.goals.detour is None or not self.world.obstacles:
            return True
        self.world.restore(start, meta)
        return self.world.detour(goal) == self.goals.detour
