"""A network of E heads on two trunks, with the parameter names of the reference (rsl_rl_rwm)."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import cast

import torch
from pydantic import Field
from torch import Tensor, nn

from pipeline.params import Params
from pipeline.state_models import (
    Memory,
    Prediction,
    Simulated,
    StateNetwork,
    StateSize,
    Step,
    disagreement,
    shares,
)
from pipeline.state_models._shared.heads import AuxiliaryHead, StateHead

BLOCK = 512
"""Environments that are simulated at a time on a CPU: what they need stays in a core's cache."""


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
    def remember(self, rows: Tensor) -> Tensor:
        """The memory [N, B, *] after rows [B, n, S + A], n >= 1, less than a history."""

    @abstractmethod
    def advance(self, row: Tensor, memory: Tensor) -> Tensor:
        """Features [B, width] of one more row [B, S + A], which the memory takes in, in place."""

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

    def remember(self, states: Tensor, actions: Tensor) -> Memory:
        """See `StateNetwork.remember`."""
        rows = torch.cat([states, actions], -1)
        return Memory(self.state_base.remember(rows), self.auxiliary_base.remember(rows))

    @torch.no_grad()
    def simulate(
        self, states: Tensor, actions: Tensor, memory: Memory, by_head: bool, disagree: bool
    ) -> Simulated:
        """See `StateNetwork.simulate`; of each block, only the heads that are needed."""
        every, count = list(range(self.heads)), len(states)
        groups = [([head], rows) for head, rows in enumerate(shares(count, self.heads))]
        parts = []
        for heads, rows in groups if by_head else [(every, slice(0, count))]:
            size = BLOCK if states.device.type == "cpu" else max(1, rows.stop - rows.start)
            for first in range(rows.start, rows.stop, size):
                part = slice(first, min(first + size, rows.stop))
                known = Memory(memory.state[:, part], memory.auxiliary[:, part])
                parts.append(self._block(states[part], actions[part], known, heads, disagree))
        steps = [part.step for part in parts]
        joined = Step(
            torch.cat([step.state for step in steps]),
            torch.cat([step.contacts for step in steps]),
            torch.cat([step.termination for step in steps]),
        )
        return Simulated(joined, torch.cat([part.epistemic for part in parts]))

    def _block(
        self, states: Tensor, actions: Tensor, memory: Memory, heads: list[int], disagree: bool
    ) -> Simulated:
        """One row further by the mean of some heads."""
        row = torch.cat([states, actions], 1)
        features = self.state_base.advance(row, memory.state)
        asked = range(self.heads) if disagree else heads
        changes = {
            head: cast(StateHead, self.state_heads[head]).state_mean_layers(features)
            for head in asked
        }
        epistemic = torch.zeros_like(states[:, 0])
        if disagree:  # the last state is common to all
            epistemic = disagreement(torch.stack(list(changes.values())))
        features = self.auxiliary_base.advance(row, memory.auxiliary)
        pairs = [self.auxiliary_heads[head](features) for head in heads]
        contacts, termination = (mean(list(values)) for values in zip(*pairs, strict=True))
        after = states + mean([changes[head] for head in heads])
        return Simulated(Step(after, contacts, termination), epistemic)

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


def mean(values: list[Tensor]) -> Tensor:
    """The mean of tensors of one shape."""
    return values[0] if len(values) == 1 else torch.stack(values).mean(0)
