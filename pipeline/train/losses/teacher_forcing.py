"""The loss of teacher forcing, as `Trainer` takes it: the frames before each one are clean.

A model that was trained so generates frame after frame from clean ones, which is all that it knows
(Causal Forcing++, arXiv 2605.15141, stage 1).
"""

from torch import Tensor

from pipeline.diffusion import Weighting
from pipeline.diffusion.world_model import WorldModel
from pipeline.errors import ParamsError
from pipeline.train.data.batches import MicroBatch
from pipeline.train.losses import Network, run
from pipeline.train.losses.diffusion_forcing import DiffusionForcingLoss


class TeacherForcingLoss(DiffusionForcingLoss):
    """Weighted squared error of a denoiser's output for each frame after clean ones.

    Clean and noisy frames pass through the network together, see `Denoiser.forward`: one step costs
    twice that of diffusion forcing.
    """

    def __init__(self, model: WorldModel, weighting: Weighting) -> None:
        """As `DiffusionForcingLoss`.

        Raises:
            ParamsError: the network is not causal.
        """
        require_causal(model, "train.loss = 'teacher_forcing'")
        super().__init__(model, weighting)

    def predict(
        self, network: Network, noisy: Tensor, batch: MicroBatch, actions: Tensor
    ) -> Tensor:
        """The network's output [P, T, C, h, w]."""
        level = self.levels(batch).clamp(min=0)
        return run(network, noisy, level, actions, batch.dropped, batch.clean)


def require_causal(model: WorldModel, place: str) -> None:
    """Refuse a network whose frames see later ones.

    Raises:
        ParamsError: it is not causal.
    """
    if not model.denoiser.causal:
        name = model.config.denoiser.name
        raise ParamsError(
            f"{place} generates frame after frame, but denoisers.{name}.causal = false lets frames "
            "see later ones; set it to true"
        )
