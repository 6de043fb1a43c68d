"""What a plan leads to: imagined by the world model, or by the simulator itself."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.diffusion.futures import Futures
from pipeline.diffusion.sampling import Noise, Sampling
from pipeline.dynamics import Dynamics as LatentDynamics
from pipeline.episodes.episode import Meta
from pipeline.plan import Distance
from pipeline.plan.controllers import Run
from pipeline.plan.goal_distance import Metric, counted, over_frames, plan_costs
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
    """

    imagination: Imagination
    futures: Futures
    now: Tensor
    goal: Tensor
    noise: Noise

    def cost(self, actions: Tensor) -> Tensor:
        """Costs [B, N] of actions [B, N, H, interval, A]."""
        return self._compared(actions, self.imagination.measure.metric)

    def error(self, actions: Tensor) -> Tensor:
        """Errors [B, N] of actions [B, N, H, interval, A]."""
        return self._compared(actions, self.imagination.measure.error)

    def _compared(self, actions: Tensor, metric: Metric) -> Tensor:
        imagination, measure = self.imagination, self.imagination.measure
        # [B, N, H or 1, C, h, w]
        latents = self._rollout(actions)[:, :, counted(imagination.distance)]
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
        )

    def _rollout(self, actions: Tensor) -> Tensor:
        rows, sampling = self.imagination.batch, self.imagination.sampling
        return self.futures.rollout(actions, self.noise, sampling, rows).cpu()


@dataclass(frozen=True, slots=True)
class SimulatorDynamics:
    """The simulator as a perfect model, with a cost in states, pixels or latents.

    Attributes:
        world: simulates the plans.
        of_states: states [N, S] and the meta of their episode to features [N, ...].
        of_goal: a run to the features [1, ...] of its goal.
        metric: distance of features.
        error: the one by which a plan is good enough.
        distance: which frames count.
    """

    world: World
    of_states: Callable[[NDArray[np.float32], Meta], Tensor]
    of_goal: Callable[[Run], Tensor]
    metric: Metric
    error: Metric
    distance: Distance

    def future(
        self, runs: Sequence[Run], horizon: int, generators: Sequence[torch.Generator]
    ) -> "SimulatorFuture":
        """The simulator's futures; it draws no noise."""
        now = [self.of_states(run.states[-1][None], run.task.meta)[None] for run in runs]
        return SimulatorFuture(self, runs, now, [self.of_goal(run)[None] for run in runs])


@dataclass(frozen=True, slots=True)
class SimulatorFuture:
    """What the simulator does.

    Attributes:
        dynamics: whose futures they are.
        runs: where they begin.
        now: features of the present of each run, [1, 1, ...].
        goal: features of the goal of each run, [1, 1, ...].
    """

    dynamics: SimulatorDynamics
    runs: Sequence[Run]
    now: list[Tensor]
    goal: list[Tensor]

    def cost(self, actions: Tensor) -> Tensor:
        """Costs [B, N] of actions [B, N, H, interval, A]."""
        return self._compared(actions, self.dynamics.metric)

    def error(self, actions: Tensor) -> Tensor:
        """Errors [B, N] of actions [B, N, H, interval, A]."""
        return self._compared(actions, self.dynamics.error)

    def _compared(self, actions: Tensor, metric: Metric) -> Tensor:
        dynamics, costs = self.dynamics, []
        for run, now, goal, own in zip(
            self.runs, self.now, self.goal, actions.numpy(), strict=True
        ):
            features, of_each = self._features(run, own)
            distances = metric(features[:, None], goal)[:, 0][of_each]  # [N, H or 1]
            first = metric(now, goal).expand(len(distances), 1)
            costs.append(over_frames(torch.cat([first, distances], 1), dynamics.distance))
        return torch.stack(costs)

    def imagined(self, actions: Tensor) -> None:
        """None: what it imagines is what happens."""

    def of(self, rows: Sequence[int]) -> "SimulatorFuture":
        """The futures of some of the runs."""
        runs, now = [self.runs[row] for row in rows], [self.now[row] for row in rows]
        return SimulatorFuture(self.dynamics, runs, now, [self.goal[row] for row in rows])

    def _features(self, run: Run, actions: NDArray[np.float32]) -> tuple[Tensor, Tensor]:
        """Features [M, ...] of the states that plans [N, H, interval, A] come to, each once.

        The second are the rows among them, [N, H or 1], of the frames that count.
        """
        dynamics, (count, horizon, interval, size) = self.dynamics, actions.shape
        meta, steps = run.task.meta, actions.reshape(count, horizon * interval, size)
        states = dynamics.world.simulate(run.states[-1], meta, steps)[:, interval - 1 :: interval]
        chosen = states[:, counted(dynamics.distance)]  # [N, H or 1, S]
        # Plans that stand still, or are cut off by a wall, come to the same states.
        each, of_each = np.unique(chosen.reshape(-1, chosen.shape[2]), axis=0, return_inverse=True)
        return dynamics.of_states(each, meta), torch.from_numpy(of_each.reshape(chosen.shape[:2]))


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
