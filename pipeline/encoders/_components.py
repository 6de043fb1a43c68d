"""Patch features of a transformer, brought down to the few channels in which they vary most."""

from pathlib import Path
from typing import Self

import torch
from einops import rearrange
from safetensors.torch import load_file, save_file
from torch import Tensor

from pipeline.encoders._pixels import scaled
from pipeline.encoders._tiny_vit import TinyVit

BATCH = 256
"""Frames encoded at once to find the components."""


class Components:
    """See `pipeline.encoders._semantic.Backbone`; features are [channels, H / patch, W / patch]."""

    def __init__(self, vit: TinyVit, mean: Tensor, basis: Tensor) -> None:
        """Keep the transformer, and mean [width] and basis [channels, width] of its tokens."""
        self.vit = vit.eval().requires_grad_(False)
        self.mean, self.basis = mean, basis

    def to(self, device: torch.device) -> Self:
        """Move to a device."""
        self.vit.to(device)
        self.mean, self.basis = self.mean.to(device), self.basis.to(device)
        return self

    @torch.no_grad()
    def encode(self, frames: Tensor) -> Tensor:
        """Frames uint8 [B, 3, H, W] to components float32 [B, C, h, w]."""
        coefficients = (self.vit(scaled(frames.to(self.mean.device))) - self.mean) @ self.basis.T
        rows = frames.shape[2] // self.vit.patch
        return rearrange(coefficients, "b (h w) c -> b c h w", h=rows).contiguous()

    def save(self, folder: Path) -> None:
        """Write model.safetensors."""
        tensors = {**self.vit.state_dict(), "mean": self.mean, "basis": self.basis}
        save_file(tensors, folder / "model.safetensors")


@torch.no_grad()
def principal(vit: TinyVit, frames: Tensor, channels: int) -> Components:
    """The components of largest variance of the tokens of frames uint8 [N, 3, H, W]."""
    count, total, products = 0, 0.0, 0.0
    for part in frames.split(BATCH):
        rows = vit(scaled(part)).flatten(0, 1).double()
        count, total, products = count + len(rows), total + rows.sum(0), products + rows.T @ rows
    mean = torch.as_tensor(total) / count
    vectors = torch.linalg.eigh(products / count - mean.outer(mean)).eigenvectors
    basis = vectors.flip(1)[:, :channels].T
    # An eigenvector's sign is arbitrary: fix it, so that every machine finds the same basis.
    peak = basis.gather(1, basis.abs().argmax(1, keepdim=True))
    return Components(vit, mean.float(), (basis * peak.sign()).float().contiguous())


def load_components(vit: TinyVit, folder: Path) -> Components:
    """Read what `Components.save` wrote, into a transformer of the same architecture."""
    tensors = load_file(folder / "model.safetensors")
    mean, basis = tensors.pop("mean"), tensors.pop("basis")
    vit.load_state_dict(tensors)
    return Components(vit, mean, basis)
