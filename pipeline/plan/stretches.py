"""Recorded stretches that lead from about here to about there: nearest-neighbour control."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.latents.cache import LatentCache
from pipeline.latents.split_rows import SplitRows, latents_apart, split_rows
from pipeline.plan.action_space import ActionSpace
from pipeline.plan.controllers import Run
from pipeline.plan.dynamics import goals_of
from pipeline.plan.measure import Measure, Seen
from pipeline.worlds import World

ROWS = 1024
"""Latents that are read, and compared, at a time."""


@dataclass(frozen=True)
class Stretches:
    """Training episodes, searched for stretches between two frames.

    A stretch of k model frames costs the squared distance of its first frame to the current one
    plus that of its last frame to the goal, in the features of the planner's cost.

    A task's number must stand for the same goal throughout: its distances are kept.

    Attributes:
        world: draws the current frame.
        cache: the recorded episodes.
        measure: whose features are compared.
        space: standardises actions.
    """

    world: World
    cache: LatentCache
    measure: Measure
    space: ActionSpace
    _ends: dict[int, Tensor] = field(default_factory=dict, init=False, repr=False)

    def nearest(self, runs: Sequence[Run], horizon: int, count: int) -> Tensor:
        """Plans [B, count, H, interval x A], best first: one of an episode, ever.

        Actions after the stretch's last frame are those that were recorded next; past the end of
        the episode, zeros.
        """
        frames = [self.world.draw(run.states[-1][None], run.task.meta)[0] for run in runs]
        shown = Seen(np.stack(frames), np.stack([run.states[-1] for run in runs]))
        begins, ends = self._squared(shown), self._to_goals(runs)
        searched = [self._search(*each, horizon, count) for each in zip(begins, ends, strict=True)]
        return torch.stack([self._plans(starts, horizon) for starts in searched])

    def prepare(self) -> None:
        """Read all features, so that the first search is no longer than the others."""
        _ = self._features

    def _to_goals(self, runs: Sequence[Run]) -> list[Tensor]:
        """Squared distances [M] to the goal of each run, which is that of its task at any time."""
        new = [run for run in runs if run.number not in self._ends]
        if new:
            distances = self._squared(goals_of(new))
            self._ends.update(zip((run.number for run in new), distances, strict=True))
        return [self._ends[run.number] for run in runs]

    def _squared(self, seen: Seen) -> Tensor:
        """Squared distances [B, M] of B frames to those of all training episodes."""
        vectors = self.measure.of_frames(seen).flatten(1)
        # In parts, for what is in between then stays in the processor's cache.
        parts = [
            torch.stack([(part - vector).square().sum(1) for vector in vectors])
            for part in self._features.split(ROWS)
        ]
        return torch.cat(parts, 1)

    def _search(self, begin: Tensor, end: Tensor, horizon: int, count: int) -> NDArray[np.int64]:
        """Frames [count] at which the best stretches begin, by distances [M] of both ends."""
        apart = latents_apart(self.cache, self.space.interval)
        best = torch.full_like(begin, torch.inf)
        for frames_away in range(1, horizon + 1):
            shift = frames_away * apart
            same = self._episode[shift:] == self._episode[:-shift]
            total = torch.where(same, begin[:-shift] + end[shift:], torch.inf)
            best[:-shift] = torch.minimum(best[:-shift], total)
        by_episode = torch.full((self.cache.starts.shape[0],), torch.inf)
        by_episode.scatter_reduce_(0, self._episode, best, "amin")
        episodes = by_episode.argsort()[:count]
        rows = [int(torch.where(self._episode == e, best, torch.inf).argmin()) for e in episodes]
        return self._rows.steps[rows]

    def _plans(self, starts: NDArray[np.int64], horizon: int) -> Tensor:
        plans = torch.zeros(len(starts), horizon, self.space.size)
        interval = self.space.interval
        for row, start in enumerate(starts):
            episode = int(np.searchsorted(self.cache.starts, start, "right")) - 1
            end = int(self.cache.starts[episode]) + self.cache.seal.episodes[episode].length
            frames = min(horizon, (end - int(start)) // interval)
            actions = self.cache.actions[start : start + frames * interval]
            shaped = actions.reshape(frames, interval, -1)
            plans[row, :frames] = self.space.standardised(shaped)
        return plans

    @cached_property
    def _features(self) -> Tensor:
        """Features [M, D] of the latents of all training episodes."""
        parts = [
            self.measure.of_latents(self.cache.latents(rows, None)).flatten(1)
            for rows in np.array_split(self._rows.latents, -(-len(self._rows.latents) // ROWS))
        ]
        return torch.cat(parts)

    @cached_property
    def _rows(self) -> SplitRows:
        """The M frames of all training episodes that have latents."""
        return split_rows(self.cache, "train")

    @cached_property
    def _episode(self) -> Tensor:
        """Episode of each of these frames, [M]."""
        return torch.from_numpy(self._rows.episodes)
