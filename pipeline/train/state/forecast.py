"""The loss of a state model: forecasts that feed on themselves (RWM, Li et al. 2025, eq. 2)."""

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional

from pipeline.state_models import StateNetwork
from pipeline.train import StateOptions

TERMS = ("state", "bound", "contact", "termination")
"""Parts of the loss."""


@dataclass(frozen=True, slots=True)
class Truth:
    """B recorded windows of H + F rows; row t of the actions leads from state t to t + 1.

    Attributes:
        states: whitened [B, H + F, S].
        actions: scaled [B, H + F, A], the last one unused.
        contacts: 0 or 1, [B, H + F, C].
        termination: 0 or 1, [B, H + F, 1] or [B, H + F, 0].
    """

    states: Tensor
    actions: Tensor
    contacts: Tensor
    termination: Tensor

    def by_head(self, rows: Tensor) -> "Truth":
        """The windows of each head, one head after the other: `rows` is int64 [E, B]."""
        own = rows.flatten()
        parts = (self.states, self.actions, self.contacts, self.termination)
        return Truth(*(part[own] for part in parts))


class Forecast(nn.Module):
    """A network with the terms of its loss.

    Every head starts with an empty memory. The reference lets it run on from head to head, though
    each has other rows (rsl_rl_rwm, `compute_loss`), and its evaluation feeds the action before
    the one that training feeds; here the row of an action is that of the state it is chosen at.
    """

    def __init__(self, network: StateNetwork, options: StateOptions) -> None:
        """Of forecasts by `options`."""
        super().__init__()
        self.network, self.options = network, options

    def forward(self, truth: Truth, rows: Tensor, noise: Tensor) -> Tensor:
        """The TERMS of each head, [E, 4]: means over its windows and over the forecast's rows.

        Args:
            truth: the windows.
            rows: int64 [E, B], the windows of each head.
            noise: standard normal [B, F, S] of each window, by which its predictions are sampled.
        """
        own = truth.by_head(rows)
        low, high = self.network.log_std_bounds()
        state = self._state(own, noise[rows])
        contacts, termination = self._auxiliary(own)
        return torch.stack([state, (high - low).mean(1), contacts, termination], 1)

    def _state(self, truth: Truth, noise: Tensor) -> Tensor:
        """Error of the forecast of each head, [E], from noise [E, B, F, S]."""
        options, start = self.options, self.network.history
        steps = truth.states.shape[1] - start
        states, actions = truth.states[:, :start], truth.actions[:, :start]
        memory: Tensor | None = None
        total = truth.states.new_zeros(self.network.heads)
        for number in range(steps):
            mean, log_std, memory = self.network.next_states(states, actions, memory)
            target = truth.states[:, start + number]
            sample = mean + log_std.exp() * noise[:, :, number]
            error = self._error(sample, mean, log_std, target.reshape(mean.shape))
            total = total + options.decay**number * error
            fed = {"sample": sample, "mean": mean, "truth": target}[options.feedback]
            states = fed.reshape(-1, 1, fed.shape[-1])
            actions = truth.actions[:, start + number, None]
        return total / steps

    def _error(self, sample: Tensor, mean: Tensor, log_std: Tensor, target: Tensor) -> Tensor:
        """Mean over windows [E] of the error of [E, B, S], summed over S."""
        if self.options.likelihood == "squared_error":
            return (sample - target).square().sum(-1).mean(1)
        variance = (2 * log_std).exp()
        # Seitzer et al. 2022, eq. 5: else the mean learns little where the variance is large.
        weight = variance.detach() ** self.options.beta
        likelihood = log_std + (mean - target).square() / (2 * variance)
        return (weight * likelihood).sum(-1).mean(1)

    def _auxiliary(self, truth: Truth) -> tuple[Tensor, Tensor]:
        """Cross-entropy of contacts and of termination by head, each [E]; fed recorded states."""
        start, heads = self.network.history, self.network.heads
        logits = self.network.auxiliaries(truth.states[:, :-1], truth.actions[:, :-1])
        targets = (truth.contacts[:, start:], truth.termination[:, start:])
        contact, termination = (
            _cross_entropy(own, rearrange(target, "(e b) f c -> e b f c", e=heads))
            for own, target in zip(logits, targets, strict=True)
        )
        return contact, termination


def _cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Mean cross-entropy [E] of [E, B, F, C]; 0 where there is nothing to tell, C = 0."""
    if not target.numel():
        return logits.sum((1, 2, 3))
    errors = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return errors.mean((1, 2, 3))
