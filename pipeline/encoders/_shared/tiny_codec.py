"""Principal components of a small transformer's patch tokens, as latents."""

from pathlib import Path
from typing import Self

import torch
from einops import rearrange
from safetensors.torch import save_file
from torch import Tensor

from pipeline.encoders import REMEDY
from pipeline.encoders._shared.pixels import to_float
from pipeline.encoders._shared.reduced_backbone import (
    FILE,
    PrincipalComponents,
    ReducedBackbone,
    principal_components,
)
from pipeline.encoders._shared.tiny_vit import Architecture, TinyVit
from pipeline.files.tensors import read_tensors
from pipeline.weights.state_dict import differences

BATCH = 256
"""Frames encoded at once while the components are fitted."""


class Tokens:
    """A `Backbone` of patch tokens; features are [width, H / patch, W / patch]."""

    def __init__(self, vit: TinyVit) -> None:
        """Take a transformer and put it in inference mode."""
        self.vit, self.device = vit.eval().requires_grad_(False), torch.device("cpu")

    def to(self, device: torch.device) -> Self:
        """Move to a device."""
        self.vit.to(device)
        self.device = device
        return self

    @torch.no_grad()
    def encode(self, frames: Tensor) -> Tensor:
        """Frames uint8 [B, 3, H, W] to the tokens of their patches [B, width, h, w]."""
        rows = frames.shape[2] // self.vit.patch
        return rearrange(self.vit(to_float(frames.to(self.device))), "b (h w) c -> b c h w", h=rows)

    def save(self, folder: Path) -> None:
        """Write model.safetensors."""
        save_file(self.vit.state_dict(), folder / FILE)


def fit_components(vit: TinyVit, frames: Tensor, channels: int) -> ReducedBackbone:
    """A backbone of the principal components of the tokens of frames uint8 [N, 3, H, W]."""
    tokens = Tokens(vit)
    return ReducedBackbone(tokens, 1, principal_components(tokens, frames, channels, BATCH))


def load_components(architecture: Architecture, folder: Path, channels: int) -> ReducedBackbone:
    """Load a transformer of an architecture and its components, as `ReducedBackbone.save` wrote.

    Raises:
        ValueError: it is of another architecture, or has another number of channels.
    """
    tensors, width = read_tensors(folder / FILE, REMEDY), architecture.width
    with torch.device("meta"):
        vit = TinyVit(architecture)
        components = {"mean": torch.empty(width), "basis": torch.empty(channels, width)}
    own = {**components, **vit.state_dict()}
    if wrong := differences(own, tensors):
        raise ValueError(f"{FILE}: {'; '.join(wrong)}")
    projection = PrincipalComponents(tensors.pop("mean"), tensors.pop("basis"))
    vit.load_state_dict({name: value.float() for name, value in tensors.items()}, assign=True)
    return ReducedBackbone(Tokens(vit), 1, projection)
