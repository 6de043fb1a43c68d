"""A network of E heads on two trunks, with the parameter names of the reference (rsl_rl_rwm)."""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from pydantic import Field
from torch import Tensor, nn

from pipeline.params import Params
from pipeline.state_models import Memory, Prediction, StateNetwork, StateSize
from pipeline.state_models._shared.heads import AuxiliaryHead, StateHead


class HeadOptions(Params):
    """What networks have in common whatever their trunk."""

    heads: int = Field(gt=0, le=64, description="of the ensemble, on shared trunks")
    head_width: int = Field(gt=0, le=2**14, description="of the hidden layer of each head")
    history: int = Field(gt=0, le=2**12, description="rows that it is fed at first")


class Trunk(nn.Module, ABC):
    """From rows [B, n, S + A] to features of the last."""

    width: int
    """Of the features."""

    @abstractmethod
    def forward(self, rows: Tensor, memory: Tensor | None) -> tuple[Tensor, Tensor]:
        """Features [B, width] of the last row, and the memory [N, B, *] after it."""

    @abstractmethod
    def every(self, rows: Tensor, history: int) -> Tensor:
        """Features [B, n - history + 1, width] of each row from the `history`-th on."""


class Ensemble(StateNetwork):
    """See `StateNetwork`."""

    def __init__(self, trunk: Callable[[], Trunk], options: HeadOptions, size: StateSize) -> None:
        """Two trunks, each with a head of each member."""
        super().__init__()
        self.heads, self.history = options.heads, options.history
        self.state_base, self.auxiliary_base = trunk(), trunk()
        width, hidden = self.state_base.width, options.head_width
        self.state_heads = nn.ModuleList(
            StateHead(width, hidden, size.state_dim) for _ in range(options.heads)
        )
        self.auxiliary_heads = nn.ModuleList(
            AuxiliaryHead(width, hidden, size) for _ in range(options.heads)
        )

    def forward(
        self, states: Tensor, actions: Tensor, memory: Memory | None
    ) -> tuple[Prediction, Memory]:
        """See `StateNetwork.forward`."""
        rows, last = torch.cat([states, actions], -1), states[:, -1]
        features, state = self.state_base(rows, None if memory is None else memory.state)
        pairs = [head(features, last) for head in self.state_heads]
        mean, log_std = (torch.stack(values) for values in zip(*pairs, strict=True))
        features, auxiliary = self.auxiliary_base(
            rows, None if memory is None else memory.auxiliary
        )
        pairs = [head(features) for head in self.auxiliary_heads]
        contacts, termination = (torch.stack(values) for values in zip(*pairs, strict=True))
        return Prediction(mean, log_std, contacts, termination), Memory(state, auxiliary)

    def next_states(
        self, states: Tensor, actions: Tensor, memory: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """See `StateNetwork.next_states`."""
        features, memory = self.state_base(torch.cat([states, actions], -1), memory)
        groups = zip(
            self.state_heads,
            features.chunk(self.heads),
            states[:, -1].chunk(self.heads),
            strict=True,
        )
        pairs = [head(own, last) for head, own, last in groups]
        mean, log_std = (torch.stack(values) for values in zip(*pairs, strict=True))
        return mean, log_std, memory

    def auxiliaries(self, states: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """See `StateNetwork.auxiliaries`."""
        features = self.auxiliary_base.every(torch.cat([states, actions], -1), self.history)
        groups = zip(self.auxiliary_heads, features.chunk(self.heads), strict=True)
        pairs = [head(own) for head, own in groups]
        contacts, termination = (torch.stack(values) for values in zip(*pairs, strict=True))
        return contacts, termination

    def log_std_bounds(self) -> tuple[Tensor, Tensor]:
        """See `StateNetwork.log_std_bounds`."""
        pairs = [head.bounds() for head in self.state_heads if isinstance(head, StateHead)]
        low, high = (torch.cat(values) for values in zip(*pairs, strict=True))
        return low, high
