"""Heads of a state model, with the parameter names of the reference (rsl_rl_rwm)."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.state_models import StateSize

MIN_LOG_STD = -5.0
"""Lower bound of the log-std before training; the upper one is above it by exp(0)."""


def two_layers(width: int, hidden: int, out: int) -> nn.Sequential:
    """A ReLU network with one hidden layer."""
    return nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, out))


class StateHead(nn.Module):
    """Mean and log-std of the next state, a change of the last one."""

    def __init__(self, width: int, hidden: int, states: int) -> None:
        """From features [..., width]."""
        super().__init__()
        self.state_mean_layers = two_layers(width, hidden, states)
        self.state_logstd_layers = two_layers(width, hidden, states)
        self.state_min_logstd = nn.Parameter(torch.full((1, states), MIN_LOG_STD))
        self.state_log_delta_logstd = nn.Parameter(torch.zeros(1, states))

    def bounds(self) -> tuple[Tensor, Tensor]:
        """Lower and upper bounds of the log-std, [1, S]."""
        return self.state_min_logstd, self.state_min_logstd + self.state_log_delta_logstd.exp()

    def forward(self, features: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-std [B, S] from features [B, width] and the last state [B, S].

        The log-std is bounded softly on both sides (Chua et al. 2018, app. A.1).
        """
        low, high = self.bounds()
        log_std = high - functional.softplus(high - self.state_logstd_layers(features))
        log_std = low + functional.softplus(log_std - low)
        return last + self.state_mean_layers(features), log_std


class AuxiliaryHead(nn.Module):
    """Logits of contacts and termination; a network without either has no layers for it."""

    def __init__(self, width: int, hidden: int, size: StateSize) -> None:
        """From features [..., width]."""
        super().__init__()
        self.contact_layers = self.termination_layers = None
        if size.contact_dim:
            self.contact_layers = two_layers(width, hidden, size.contact_dim)
        if size.termination_dim:
            self.termination_layers = two_layers(width, hidden, size.termination_dim)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [..., C] and [..., 1] (or none, [..., 0])."""
        none = features[..., :0]
        return (
            none if self.contact_layers is None else self.contact_layers(features),
            none if self.termination_layers is None else self.termination_layers(features),
        )
