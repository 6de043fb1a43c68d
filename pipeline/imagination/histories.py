"""Recorded rows from which imagined robots start."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Histories:
    """Windows of recorded episodes: H rows that no episode's end interrupts.

    Attributes:
        states: whitened [M, H, S].
        actions: scaled [M, H - 1, A], those between the rows.
        raw_actions: the last of them in the world's units [M, A].
    """

    states: Tensor
    actions: Tensor
    raw_actions: Tensor

    def __len__(self) -> int:
        """Number M of windows."""
        return len(self.states)

    def draw(self, count: int, generator: torch.Generator) -> "Histories":
        """So many windows at random, with repetition."""
        rows = torch.randint(len(self), (count,), generator=generator).to(self.states.device)
        return Histories(self.states[rows], self.actions[rows], self.raw_actions[rows])
