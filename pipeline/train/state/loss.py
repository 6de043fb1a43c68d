"""The loss of a state model, as `Trainer` takes it."""

from torch import Tensor

from pipeline.dynamics.state_model import StateModel
from pipeline.train import StateOptions
from pipeline.train.data.batches import MicroBatch
from pipeline.train.losses import Network
from pipeline.train.state.batches import StateMicroBatch
from pipeline.train.state.forecast import TERMS, Truth


class StateLoss:
    """The sum of a forecast's terms, means over the heads; its logs are the terms themselves."""

    num_logs = len(TERMS)

    def __init__(self, model: StateModel, options: StateOptions) -> None:
        """Of windows whose actions the model scales."""
        self.model, self.options = model, options

    def __call__(self, network: Network, batch: MicroBatch) -> tuple[Tensor, Tensor]:
        """A micro-batch's part of the mean over all windows of its batch, and its logs."""
        assert isinstance(batch, StateMicroBatch)
        truth = truth_of(self.model, batch.clean, batch.actions, batch.labels)
        noise = batch.noise.flatten(2)[:, self.model.context :]
        terms = network(truth, batch.heads, noise).mean(0)  # [TERMS]
        terms = terms * (len(batch.clean) / batch.num_noisy)
        weights = terms.new_tensor([1, self.options.bound_weight, 1, 1])
        return terms @ weights, terms.detach()

    def report(self, logs: Tensor) -> dict[str, float]:
        """Mean of each term over steps [n, 4]."""
        return dict(zip((f"loss_{name}" for name in TERMS), logs.mean(0).tolist(), strict=True))


def truth_of(model: StateModel, latents: Tensor, actions: Tensor, labels: Tensor) -> Truth:
    """Windows of latents [B, T, S, 1, 1], actions [B, T, interval, A] and labels as truth."""
    size = model.config.size
    contacts, termination = labels.split([size.contact_dim, size.termination_dim], -1)
    return Truth(latents.flatten(2), model.model_actions(actions), contacts, termination)
