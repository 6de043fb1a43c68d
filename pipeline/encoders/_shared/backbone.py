"""What a feature codec needs of the network that computes its features."""

from pathlib import Path
from typing import Protocol, Self

import torch
from torch import Tensor


class Backbone(Protocol):
    """A frozen feature extractor; it is in inference mode and holds no random state."""

    def to(self, device: torch.device) -> Self:
        """Move to a device; see `pipeline.encoders.Encoder.to`."""

    def encode(self, frames: Tensor) -> Tensor:
        """Frames uint8 [B, 3, H, W] to features float32 [B, C, h, w], without gradient."""

    def save(self, folder: Path) -> None:
        """Write its weights, or a pointer to published ones, into an existing folder."""
