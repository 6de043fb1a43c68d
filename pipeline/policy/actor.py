"""The policy: from the group policy to an action; a folder of config.json and safetensors."""

from itertools import pairwise
from pathlib import Path
from typing import Annotated, Self

import torch
from pydantic import Field
from safetensors.torch import save_file
from torch import Tensor, nn

from pipeline.files.json_model import FileModel, read_json
from pipeline.files.tensors import read_tensors
from pipeline.weights.load import load_weights

CONFIG, WEIGHTS = "config.json", "policy.safetensors"
REMEDY = "make it again: `dvc repro -f policy`"
Width = Annotated[int, Field(gt=0, le=2**14)]


class ActorConfig(FileModel):
    """All of a policy but its weights; `low` and `high` bound its actions."""

    observation_dim: Width
    widths: list[Width]
    low: list[float]
    high: list[float]


class Actor(nn.Module):
    """A perceptron with ELUs, the mean of whose Gaussian is the action; rsl-rl's names."""

    def __init__(self, config: ActorConfig) -> None:
        """Draw weights from torch's global generator."""
        super().__init__()
        self.config = config
        layers: list[nn.Module] = []
        for before, after in pairwise([config.observation_dim, *config.widths]):
            layers += [nn.Linear(before, after), nn.ELU()]
        last = config.widths[-1] if config.widths else config.observation_dim
        self.mlp = nn.Sequential(*layers, nn.Linear(last, len(config.low)))

    def forward(self, observations: Tensor) -> Tensor:
        """Actions [B, A] within the bounds, of observations [B, D]."""
        low, high = torch.tensor(self.config.low), torch.tensor(self.config.high)
        actions: Tensor = self.mlp(observations)
        return actions.clamp(low.to(actions), high.to(actions))

    def save_pretrained(self, folder: Path) -> None:
        """Write config.json and policy.safetensors into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CONFIG).write_text(f"{self.config.model_dump_json(indent=2)}\n")
        weights = {name: value.contiguous() for name, value in self.state_dict().items()}
        save_file(weights, folder / WEIGHTS)

    @classmethod
    def from_pretrained(cls, folder: Path) -> Self:
        """Load a policy strictly.

        Raises:
            DataError: it is missing or damaged.
        """
        actor = cls(read_json(folder / CONFIG, ActorConfig, REMEDY))
        load_weights(actor, read_tensors(folder / WEIGHTS, REMEDY), folder / WEIGHTS)
        return actor.eval()
