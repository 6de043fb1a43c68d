"""Regression of a teacher's trajectories (Causal Forcing, stage 2a; CausVid, Self Forcing).

From the state at each of its few levels, the student estimates the end of the teacher's way: with
clean earlier frames it is a function of the noise, so that the mean is no blur of several ends.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.diffusion.loss import frame_errors
from pipeline.diffusion.world_model import WorldModel
from pipeline.distill.consistency import consistent
from pipeline.latents.windows import Windows
from pipeline.train import Options as TrainOptions
from pipeline.train.data.batches import Batch, Batches, MicroBatch
from pipeline.train.data.shuffle import seeded_generator
from pipeline.train.distributed.group import Group
from pipeline.train.losses import Network
from pipeline.train.monitoring.levels import BINS, bin_errors, label, mean_by_level
from pipeline.trajectories.clips import draw
from pipeline.trajectories.store import Trajectories


@dataclass(frozen=True, slots=True)
class TrajectoryMicroBatch(MicroBatch):
    """P clips, whose `noise` is the state of their trajectories at their level.

    Attributes:
        end: where they end after the first frame, [P, T - 1, C, h, w].
    """

    end: Tensor


class TrajectoryBatches(Batches):
    """Batches of stored trajectories, each a function of seed and step alone."""

    def __init__(
        self,
        windows: Windows,
        options: TrainOptions,
        levels: int,
        group: Group,
        trajectories: Trajectories,
    ) -> None:
        """As `Batches`; row i of the windows is clip i of the trajectories."""
        super().__init__(windows, options, levels, group)
        self.trajectories = trajectories

    def draw(self, step: int) -> Batch:
        """The batch of one step, counted from 0, on the CPU: each clip at a level of its own."""
        origin, count = self.trajectories.origin, self.options.batch
        rows = self.sampler.rows(step)
        generator = seeded_generator(self.options.seed, "step", step)
        places = torch.randint(len(origin.levels), (count,), generator=generator)
        levels = torch.tensor(origin.levels)[places]
        micro_batches: list[MicroBatch] = []
        for clips in self._clips():
            clean, start = draw(self.windows, rows[clips], origin.seed)
            stored = torch.from_numpy(self.trajectories.states[rows[clips]]).float()
            way = torch.cat([start[:, None, 1:], stored], 1)  # [P, S + 1, T - 1, C, h, w]
            state = way[torch.arange(len(clips)), places[clips]]
            micro_batch = TrajectoryMicroBatch(
                clean=clean,
                noise=torch.cat([start[:, :1], state], 1),
                level=levels[clips, None].repeat(1, self.windows.frames),
                actions=self.windows.actions(rows[clips]),
                num_noisy=count * self.windows.frames,
                end=stored[:, -1],
            )
            micro_batches.append(self.pinned_for_gpu(micro_batch))
        return Batch(rows, micro_batches)


class CausalOdeLoss:
    """Squared error of the student's clean frames, where trajectories lead; see `ConsistencyLoss`.

    The first frame, which every rollout is given, does not count. Logs are errors by noise level.
    """

    num_logs = 2 * BINS

    def __init__(self, student: WorldModel) -> None:
        """Train `student`."""
        self.student = student

    def __call__(self, network: Network, batch: MicroBatch) -> tuple[Tensor, Tensor]:
        """A micro-batch's part of the mean over the batch, and its logs."""
        assert isinstance(batch, TrajectoryMicroBatch)
        objective, actions = self.student.objective, self.student.model_actions(batch.actions)

        def predict(noisy: Tensor, level: Tensor, given: Tensor | None) -> Tensor:
            return network(noisy, level, given, None, None, batch.clean)

        found = consistent(objective, predict, batch.noise, batch.level, actions)
        error = frame_errors(found[:, 1:], batch.end)  # [P, T - 1]
        clips = batch.num_noisy / found.shape[1]  # of the whole batch
        return error.mean(1).sum() / clips, bin_errors(error, batch.level[:, 1:], objective.levels)

    def report(self, logs: Tensor) -> dict[str, float]:
        """Mean error by noise level over steps [n, 2 * BINS]."""
        return label("loss_by_level", mean_by_level(logs))
