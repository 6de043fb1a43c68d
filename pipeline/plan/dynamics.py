"""What a plan leads to, as the world model imagines it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.diffusion.futures import Futures
from pipeline.diffusion.sampling import Noise, Sampling
from pipeline.dynamics import Dynamics as LatentDynamics
from pipeline.plan import Distance
from pipeline.plan.controllers import Run
from pipeline.plan.goal_distance import Metric, counted, plan_costs
from pipeline.plan.measure import Codec, Measure, Seen
from pipeline.worlds import World


class Future(Protocol):
    """The futures of some runs, for a horizon of H frames."""

    def cost(self, actions: Tensor) -> Tensor:
        """Costs [B, N] of actions [B, N, H, interval, A] in the world's units."""

    def error(self, actions: Tensor) -> Tensor:
        """What `plan.accept` bounds, [B, N]: their costs by the measure's `error`."""

    def imagined(self, actions: Tensor) -> Tensor | None:
        """Latents [B, H, C, h, w] under actions [B, H, interval, A]; None if it imagines none."""

    def of(self, rows: Sequence[int]) -> "Future":
        """The futures of some of the runs, by their places in the batch, in order."""


class Dynamics(Protocol):
    """Makes futures."""

    def future(
        self, runs: Sequence[Run], horizon: int, generators: Sequence[torch.Generator]
    ) -> Future:
        """The futures of runs; every candidate of a run starts from the same noise."""


@dataclass(frozen=True, slots=True)
class Imagination:
    """The world model, whose latents `measure` compares with the goal.

    Attributes:
        model: imagines.
        codec: encodes what has been seen.
        sampling: of the rollouts.
        measure: in what space frames are compared.
        distance: which frames count.
        batch: candidates that are rolled out at a time.
    """

    model: LatentDynamics
    codec: Codec
    sampling: Sampling
    measure: Measure
    distance: Distance
    batch: int

    def between(
        self,
        shown: Seen,
        past: NDArray[np.float32],
        goals: Seen,
        horizon: int,
        generators: Sequence[torch.Generator],
    ) -> "ModelFuture":
        """The futures of B episodes, whose past and goal are encoded once.

        Args:
            shown: the past model frames and the present of each, [B K, ...].
            past: actions [B, K - 1, interval, A] between them.
            goals: one for each, [B, ...].
            horizon: frames to imagine.
            generators: one for each episode draws the noise that all its candidates share.
        """
        batch, kept = len(past), past.shape[1] + 1
        history = self.codec.encode(shown.frames, shown.states)
        history = history.unflatten(0, (batch, kept))  # [B, K, C, h, w]
        shape = self.model.spec.latent_shape
        noise = [self.sampling.noise(1, kept, horizon, shape, own) for own in generators]
        return ModelFuture(
            self,
            Futures(self.model, history, torch.from_numpy(past)),
            self.measure.of_latents(history[:, -1])[:, None],
            self.measure.of_frames(goals)[:, None],
            together(noise),
            [{} for _ in range(batch)],
        )


@dataclass(frozen=True, slots=True)
class ModelDynamics:
    """What the world model imagines from what the world shows.

    Attributes:
        world: draws the past.
        imagination: of the model.
        context: most frames of the past and the present that the model sees.
    """

    world: World
    imagination: Imagination
    context: int

    def future(
        self, runs: Sequence[Run], horizon: int, generators: Sequence[torch.Generator]
    ) -> "ModelFuture":
        """The futures of runs, each from its past."""
        imagination = self.imagination
        interval = imagination.model.config.interval
        kept = min(self.context, _known(runs[0], interval))
        states, actions = zip(*(_past(run, kept, interval) for run in runs), strict=True)
        frames = [
            self.world.draw(past, run.task.meta) for past, run in zip(states, runs, strict=True)
        ]
        shown = Seen(np.concatenate(frames), np.concatenate(states))
        return imagination.between(shown, np.stack(actions), goals_of(runs), horizon, generators)


@dataclass(frozen=True, slots=True)
class ModelFuture:
    """Futures that the model imagines.

    Attributes:
        imagination: whose futures they are.
        futures: roll out from the past.
        now: features of the present [B, 1, ...].
        goal: features of the goals [B, 1, ...].
        noise: one for all candidates of a run.
        tried: what `error` has imagined of each run, which need not be imagined again: latents
            [H, C, h, w] by the bytes of the actions.
    """

    imagination: Imagination
    futures: Futures
    now: Tensor
    goal: Tensor
    noise: Noise
    tried: Sequence[dict[bytes, Tensor]]

    def cost(self, actions: Tensor) -> Tensor:
        """Costs [B, N] of actions [B, N, H, interval, A]."""
        return self._compared(self._rollout(actions), self.imagination.measure.metric)

    def error(self, actions: Tensor) -> Tensor:
        """Errors [B, N] of actions [B, N, H, interval, A]."""
        latents = self._rollout(actions)
        for tried, own, found in zip(self.tried, _keys(actions), latents, strict=True):
            tried.update(zip(own, found, strict=True))
        return self._compared(latents, self.imagination.measure.error)

    def _compared(self, rolled_out: Tensor, metric: Metric) -> Tensor:
        imagination, measure = self.imagination, self.imagination.measure
        latents = rolled_out[:, :, counted(imagination.distance)]  # [B, N, H or 1, C, h, w]
        parts = latents.flatten(0, 2).split(imagination.batch)
        features = torch.cat([measure.of_latents(part) for part in parts])
        shaped = features.unflatten(0, latents.shape[:3])  # [B, N, H or 1, ...]
        return plan_costs(shaped, self.now, self.goal, metric, imagination.distance)

    def imagined(self, actions: Tensor) -> Tensor:
        """Latents [B, H, C, h, w] under actions [B, H, interval, A]."""
        return self._rollout(actions[:, None])[:, 0]

    def of(self, rows: Sequence[int]) -> "ModelFuture":
        """The futures of some of the runs; nothing is encoded or drawn again."""
        if len(rows) == len(self.goal):
            return self
        chosen, futures = list(rows), self.futures
        return ModelFuture(
            self.imagination,
            Futures(futures.model, futures.history[chosen], futures.past[chosen]),
            self.now[chosen],
            self.goal[chosen],
            self.noise.rows(chosen),
            [self.tried[row] for row in chosen],
        )

    def _rollout(self, actions: Tensor) -> Tensor:
        """Latents [B, N, H, C, h, w], of which those that were tried before are not made again."""
        rows, sampling = self.imagination.batch, self.imagination.sampling
        # A compiled network wants few shapes, and what is left over may be any number.
        compiles = sampling.options.compile != "none"
        if compiles or sampling.options.eta or actions.requires_grad or not any(self.tried):
            return self.futures.rollout(actions, self.noise, sampling, rows).cpu()
        pairs = ((row, key) for row, own in enumerate(_keys(actions)) for key in own)
        found = [self.tried[row].get(key) for row, key in pairs]  # of B N sequences
        new = [number for number, latents in enumerate(found) if latents is None]
        made: Iterator[Tensor] = iter(())
        if new:
            episodes, some = torch.tensor(new) // actions.shape[1], actions.flatten(0, 1)[new]
            made = iter(self.futures.sequences(some, episodes, self.noise, sampling, rows).cpu())
        all_of_them = [next(made) if latents is None else latents for latents in found]
        return torch.stack(all_of_them).unflatten(0, actions.shape[:2])


def together(noises: Sequence[Noise]) -> Noise:
    """The noises of B runs, each of a batch of 1, as one of a batch of B."""
    contexts = [noise.context for noise in noises if noise.context is not None]
    fresh = [noise.fresh for noise in noises if noise.fresh is not None]
    return Noise(
        torch.cat([noise.start for noise in noises]),
        torch.cat(contexts) if contexts else None,
        tuple(generator for noise in noises for generator in noise.generators),
        torch.cat(fresh) if fresh else None,
    )


def goals_of(runs: Sequence[Run]) -> Seen:
    """The goals of runs, [B, ...]; of a picture alone the state is NaN, and not known."""
    states = np.stack([run.task.goal for run in runs])
    known = bool(np.isfinite(states).all())
    return Seen(np.stack([run.task.goal_frame for run in runs]), states if known else None)


def _known(run: Run, interval: int) -> int:
    """Model frames of the past and the present that are known of a run."""
    return len(run.task.states) + run.steps // interval


def _past(run: Run, frames: int, interval: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The last `frames` states [K, S], `interval` steps apart, and actions between them."""
    states = np.concatenate([run.task.states, np.stack(run.states)[interval::interval]])
    taken = np.array(run.actions, np.float32).reshape(-1, interval, run.task.past.shape[-1])
    actions = np.concatenate([run.task.past, taken])
    return states[-frames:], actions[len(actions) - frames + 1 :]


def _keys(actions: Tensor) -> list[list[bytes]]:
    """The bytes of each sequence of actions [B, N, H, interval, A]."""
    return [[sequence.tobytes() for sequence in own] for own in actions.detach().numpy()]
