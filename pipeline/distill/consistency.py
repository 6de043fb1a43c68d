"""Causal consistency distillation (Causal Forcing++, arXiv 2605.15141, stage 2).

A consistency function maps a noisy frame to the clean one at the end of the teacher's ODE (Song et
al. 2023). Here it is the student's own estimate of the clean frame, after clean earlier frames; it
learns to be the same at both ends of each of the teacher's steps.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from pipeline.compute import device
from pipeline.compute.precision import Precision
from pipeline.diffusion.loss import frame_errors
from pipeline.diffusion.sample import ddim_timesteps, estimate
from pipeline.diffusion.world_model import WorldModel
from pipeline.noise.levels import CLEAN
from pipeline.objectives import Objective
from pipeline.train.data.batches import MicroBatch
from pipeline.train.losses import Network, run
from pipeline.train.monitoring.levels import BINS, bin_errors, label, mean_by_level
from pipeline.trajectories.guided_steps import Predict, teacher_step, told


class ConsistencyLoss:
    """Squared difference of the student's clean frames at both ends of a step of the teacher.

    Each clip draws its own step of the grid, the same for all of its frames; the first frame, which
    every rollout is given, does not count. Logs are errors by noise level, as in training.

    Attributes:
        average: the student's running average, which gives the targets; set once it exists.
        precision: of the passes without gradient.
    """

    num_logs = 2 * BINS
    average: nn.Module
    precision: Precision = "float32"

    def __init__(
        self, student: WorldModel, teacher: WorldModel, grid: int, guidance: float
    ) -> None:
        """Learn from a teacher's steps on a grid of so many."""
        self.student, self.teacher, self.guidance = student, teacher, guidance
        self.timesteps = ddim_timesteps(grid, student.objective.levels).to(student.device)

    def __call__(self, network: Network, batch: MicroBatch) -> tuple[Tensor, Tensor]:
        """A micro-batch's part of the mean over the batch, and its logs."""
        objective, actions = self.student.objective, self.student.model_actions(batch.actions)
        level, after = self.step_of(batch.level)
        noisy = objective.noised(batch.clean, batch.noise, level)

        def predict(of: Callable[..., Tensor]) -> Predict:
            def output(noisy: Tensor, at: Tensor, given: Tensor | None) -> Tensor:
                known, dropped = told(given, actions)
                return run(of, noisy, at, known, dropped, batch.clean).float()

            return output

        kind = self.student.device.type
        with torch.no_grad(), device.autocast(kind, self.precision):
            teacher, average = predict(self.teacher.denoiser), predict(self.average)
            moved = teacher_step(
                objective, teacher, noisy, level, after, actions, guidance=self.guidance
            )
            target = consistent(objective, average, moved, after, actions)
        found = consistent(objective, predict(network), noisy, level, actions)
        error = frame_errors(found, target)  # [P, T]
        generated = error[:, 1:]
        clips = batch.num_noisy / error.shape[1]  # of the whole batch
        logs = bin_errors(generated, level[:, 1:], objective.levels)
        return generated.mean(1).sum() / clips, logs

    def step_of(self, level: Tensor) -> tuple[Tensor, Tensor]:
        """Where a clip's step of the grid begins and ends, int64 [P, T], by its level [P, T]."""
        count = len(self.timesteps) - 1
        drawn = level[:, -1:].expand_as(level) * count // self.student.objective.levels
        return self.timesteps[count - 1 - drawn], self.timesteps[count - drawn]

    def report(self, logs: Tensor) -> dict[str, float]:
        """Mean error by noise level over steps [n, 2 * BINS]."""
        return label("loss_by_level", mean_by_level(logs))


def consistent(
    objective: Objective, predict: Predict, noisy: Tensor, level: Tensor, actions: Tensor | None
) -> Tensor:
    """The consistency function: clean frames [P, T, C, h, w]; those at level CLEAN are so already.

    Args:
        objective: what `predict` predicts.
        predict: runs the network.
        noisy: frames [P, T, C, h, w].
        level: of each, int64 [P, T].
        actions: scaled, [P, T, A].
    """
    run = partial(_under, predict, actions)
    clean = estimate(run, objective, noisy, level, clip=False)
    return torch.where((level == CLEAN)[..., None, None, None], noisy, clean)


def _under(predict: Predict, actions: Tensor | None, noisy: Tensor, level: Tensor) -> Tensor:
    return predict(noisy, level, actions)
