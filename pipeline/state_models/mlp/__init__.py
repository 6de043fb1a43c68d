"""A state model on perceptrons over the latest rows, the other form of the reference."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from pipeline.state_models import StateNetwork, StateSize
from pipeline.state_models._shared.ensemble import Ensemble, HeadOptions, Trunk


class Options(HeadOptions):
    """The trunks; the published ones have two layers of width 256."""

    widths: list[Annotated[int, Field(gt=0, le=2**14)]] = Field(
        min_length=1, description="of the hidden layers"
    )


class WindowTrunk(Trunk):
    """Features of the latest `history` rows, which are the memory, [history, B, S + A]."""

    def __init__(self, rows: int, widths: list[int], history: int) -> None:
        """From rows [B, n, rows]."""
        super().__init__()
        self.width, self.history = widths[-1], history
        sizes = zip([rows * history, *widths], widths, strict=False)
        pairs = [(nn.Linear(before, after), nn.ReLU()) for before, after in sizes]
        self.layers = nn.Sequential(*(layer for pair in pairs for layer in pair))

    def forward(self, rows: Tensor, memory: Tensor | None) -> tuple[Tensor, Tensor]:
        """See `Trunk.forward`.

        Raises:
            ValueError: without a memory, there are fewer rows than the history.
        """
        if memory is not None:
            rows = torch.cat([memory.transpose(0, 1), rows], 1)
        if rows.shape[1] < self.history:
            raise ValueError(f"{rows.shape[1]} rows, but the network sees {self.history}")
        latest = rows[:, -self.history :]
        return self.layers(latest.flatten(1)), latest.transpose(0, 1)

    def remember(self, rows: Tensor) -> Tensor:
        """See `Trunk.remember`; before the first row stand copies of it, which the next displaces.

        There may be fewer rows than the history, but for one.
        """
        missing = max(0, self.history - rows.shape[1])
        rows = torch.cat([rows[:, :1].expand(-1, missing, -1), rows], 1)
        return rows[:, -self.history :].transpose(0, 1)

    def advance(self, row: Tensor, memory: Tensor) -> Tensor:
        """See `Trunk.advance`."""
        features, latest = self(row[:, None], memory)
        memory.copy_(latest)
        return features

    def every(self, rows: Tensor, history: int) -> Tensor:
        """See `Trunk.every`."""
        windows = rows.unfold(1, history, 1).transpose(2, 3)  # [B, n - history + 1, history, S + A]
        features: Tensor = self.layers(windows.flatten(2))
        return features


def build(options: Options, size: StateSize) -> StateNetwork:
    """See `StateModelModule.build`."""
    rows = size.state_dim + size.action_dim
    return Ensemble(lambda: WindowTrunk(rows, options.widths, options.history), options, size)
