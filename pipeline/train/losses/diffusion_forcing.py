"""The loss of diffusion forcing (Chen et al. 2024, alg. 1), as `Trainer` takes it."""

from torch import Tensor

from pipeline.diffusion import Weighting
from pipeline.diffusion.loss import frame_errors, weighted
from pipeline.diffusion.world_model import WorldModel
from pipeline.train.data.batches import MicroBatch
from pipeline.train.losses import Network, run
from pipeline.train.monitoring.levels import BINS, bin_errors, label, mean_by_level


class DiffusionForcingLoss:
    """Weighted squared error of a denoiser's output for frames noised each at its own level.

    Its logs are the sum and the count of unweighted errors by noise level, see `bin_errors`.
    """

    num_logs = 2 * BINS

    def __init__(self, model: WorldModel, weighting: Weighting) -> None:
        """Noise and targets are those of the model's objective, weights those of `weighting`."""
        self.model, self.weighting = model, weighting

    def __call__(self, network: Network, batch: MicroBatch) -> tuple[Tensor, Tensor]:
        """A micro-batch's part of the mean over all noisy frames of its batch, and its logs."""
        objective, level = self.model.objective, self.levels(batch)
        actions = self.model.model_actions(batch.actions)
        noisy = objective.noised(batch.clean, batch.noise, level)
        target = objective.target(batch.clean, batch.noise, level)
        output = self.predict(network, noisy, batch, actions)
        error = frame_errors(output, target)
        loss = weighted(objective, error, level, self.weighting).sum() / batch.num_noisy
        return loss, bin_errors(error, level, objective.levels)

    def levels(self, batch: MicroBatch) -> Tensor:
        """Level int64 [P, T] of each frame: its own."""
        return batch.level

    def predict(
        self, network: Network, noisy: Tensor, batch: MicroBatch, actions: Tensor
    ) -> Tensor:
        """The network's output for noisy frames [P, T, C, h, w] and scaled actions [P, T, A]."""
        return run(network, noisy, self.levels(batch).clamp(min=0), actions, batch.dropped)

    def report(self, logs: Tensor) -> dict[str, float]:
        """Mean unweighted error by noise level over steps [n, 2 * BINS]."""
        return label("loss_by_level", mean_by_level(logs))
