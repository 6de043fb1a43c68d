"""The loss of full-sequence diffusion, as `Trainer` takes it: all frames of a clip at one level.

A model whose frames see each other generates windows as a whole (`sampler: full_sequence`), and is
the real score that distribution matching compares a student with (Yin et al. 2025, "CausVid").
"""

from torch import Tensor

from pipeline.diffusion import Weighting
from pipeline.diffusion.world_model import WorldModel
from pipeline.errors import ParamsError
from pipeline.noise.levels import CLEAN
from pipeline.train.data.batches import MicroBatch
from pipeline.train.losses.diffusion_forcing import DiffusionForcingLoss


class BidirectionalLoss(DiffusionForcingLoss):
    """Weighted squared error of a denoiser's output for windows noised as a whole.

    Frames of a clean prefix stay clean: they are the context that a rollout is given.
    """

    def __init__(self, model: WorldModel, weighting: Weighting) -> None:
        """As `DiffusionForcingLoss`.

        Raises:
            ParamsError: the network is causal.
        """
        if model.denoiser.causal:
            name = model.config.denoiser.name
            raise ParamsError(
                "train.loss = 'bidirectional' denoises whole windows, but "
                f"denoisers.{name}.causal = true hides later frames; set it to false"
            )
        super().__init__(model, weighting)

    def levels(self, batch: MicroBatch) -> Tensor:
        """Level int64 [P, T]: of all frames that of the last one, which is never clean."""
        shared = batch.level[:, -1:].expand_as(batch.level)
        return shared.masked_fill(batch.level == CLEAN, CLEAN)
