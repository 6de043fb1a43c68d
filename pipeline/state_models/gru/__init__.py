"""A state model on gated recurrent units (Cho et al. 2014), as the reference's: RWM and RWM-U."""

from pydantic import Field
from torch import Tensor, nn

from pipeline.state_models import StateNetwork, StateSize
from pipeline.state_models._shared.ensemble import Ensemble, HeadOptions, Trunk


class Options(HeadOptions):
    """The recurrent trunks; the published ones have 2 layers of width 256."""

    width: int = Field(gt=0, le=2**14, description="of the hidden state")
    layers: int = Field(gt=0, le=64)


class RecurrentTrunk(Trunk):
    """Features are the hidden state of the last layer; the memory is that of all, [N, B, width]."""

    def __init__(self, rows: int, width: int, layers: int) -> None:
        """From rows [B, n, rows]."""
        super().__init__()
        self.width = width
        self.memory = nn.ModuleDict({"rnn": nn.GRU(rows, width, layers, batch_first=True)})

    def forward(self, rows: Tensor, memory: Tensor | None) -> tuple[Tensor, Tensor]:
        """See `Trunk.forward`."""
        features, memory = self.memory["rnn"](rows, memory)
        return features[:, -1], memory

    def every(self, rows: Tensor, history: int) -> Tensor:
        """See `Trunk.every`."""
        features: Tensor = self.memory["rnn"](rows)[0][:, history - 1 :]
        return features


def build(options: Options, size: StateSize) -> StateNetwork:
    """See `StateModelModule.build`."""
    rows = size.state_dim + size.action_dim
    return Ensemble(lambda: RecurrentTrunk(rows, options.width, options.layers), options, size)
