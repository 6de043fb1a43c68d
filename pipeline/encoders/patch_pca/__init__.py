"""Principal components of image patches: linear, exact to invert, fitted in a second."""

from pathlib import Path
from typing import Literal, Self

import torch
from einops import rearrange
from pydantic import Field
from safetensors.torch import save_file
from torch import Tensor

from pipeline.encoders import REMEDY, Encoder, Posterior
from pipeline.errors import ParamsError, UserError
from pipeline.files.tensors import read_tensors
from pipeline.params import Params
from pipeline.weights.state_dict import differences

FILE = "model.safetensors"


class Options(Params):
    """Size of the patches, how many components of each are kept, and around what."""

    patch: int = Field(gt=0, le=2**14, description="side of a patch in pixels")
    components: int = Field(gt=0, description="channels of the latent")
    centre: Literal["picture", "patch"] = Field(
        description="what is subtracted first: the mean frame, so that components describe what "
        "moves, or the mean of all patches, for a camera that moves"
    )

    def latent_grid(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of the patches of frames of this size in pixels.

        Raises:
            ParamsError: the patches do not tile the frames.
        """
        if height % self.patch or width % self.patch:
            raise ParamsError(
                f"encoders.patch_pca.patch = {self.patch} does not divide frames of "
                f"{height} x {width}; choose a divisor of both"
            )
        return height // self.patch, width // self.patch


def fit(frames: Tensor, options: Options, seed: int) -> "PatchPca":
    """Fit to training frames uint8 [N, 3, H, W], by the eigenvectors of their covariance.

    `seed` has no effect, as nothing is random.
    """
    options.latent_grid(*frames.shape[2:])
    values = 3 * options.patch**2
    if options.components > values:
        raise ParamsError(
            f"encoders.patch_pca.components = {options.components}, but a patch has {values} values"
        )
    patches = _patches(frames, options.patch)
    mean = patches.mean(0 if options.centre == "picture" else (0, 1, 2))
    rows = (patches - mean).flatten(0, 2)
    vectors = torch.linalg.eigh(torch.cov(rows.T).double()).eigenvectors
    basis = vectors.flip(1)[:, : options.components].T
    # An eigenvector's sign is arbitrary: fix it, so that every machine finds the same basis.
    peak = basis.gather(1, basis.abs().argmax(1, keepdim=True))
    return PatchPca(mean, (basis * peak.sign()).float().contiguous(), options.patch)


def load(folder: Path, options: Options) -> "PatchPca":
    """Read what `save` wrote.

    Raises:
        ValueError: its tensors do not match the options.
    """
    tensors, values = read_tensors(folder / FILE, REMEDY), 3 * options.patch**2
    grid = tensors["mean"].shape[:2] if options.centre == "picture" and "mean" in tensors else ()
    with torch.device("meta"):
        own = {"mean": torch.empty(*grid, values), "basis": torch.empty(options.components, values)}
    if wrong := differences(own, tensors):
        raise ValueError(f"{FILE}: {'; '.join(wrong)}")
    return PatchPca(tensors["mean"], tensors["basis"], options.patch)


class PatchPca(Encoder):
    """Linear codec of patches; latents are [components, H / patch, W / patch]."""

    stochastic = False
    published_scale = None
    decoder_kind = "own"

    def __init__(self, mean: Tensor, basis: Tensor, patch: int) -> None:
        """Keep the mean and the orthonormal basis [components, 3 patch^2].

        The mean is that of all patches, [3 patch^2], or of each place, [h, w, 3 patch^2].
        """
        self.mean, self.basis, self.patch = mean, basis, patch

    def to(self, device: torch.device) -> Self:
        """Move to a device."""
        self.mean, self.basis = self.mean.to(device), self.basis.to(device)
        return self

    def encode(self, frames: Tensor) -> Posterior:
        """Frames uint8 [B, 3, H, W] to coefficients [B, C, h, w].

        Raises:
            UserError: it was fitted to frames of another size, whose mean it subtracts.
        """
        patches, grid = _patches(frames.to(self.mean.device), self.patch), self.mean.shape[:-1]
        if grid and patches.shape[1:3] != grid:
            fitted, given = (
                " x ".join(str(n * self.patch) for n in shape)
                for shape in (grid, patches.shape[1:3])
            )
            raise UserError(
                f"frames are {given}, but this patch_pca subtracts the mean of frames of {fitted}"
            )
        centred = patches - self.mean
        return Posterior(rearrange(centred @ self.basis.T, "b h w c -> b c h w"), None)

    def decode(self, latents: Tensor) -> Tensor:
        """Coefficients [B, C, h, w] to frames uint8 [B, 3, H, W]."""
        return (self.decode_float(latents) * 255).round().to(torch.uint8)

    def decode_float(self, latents: Tensor) -> Tensor:
        """Coefficients [B, C, h, w] to frames float32 [B, 3, H, W] in 0..1."""
        rows = (
            rearrange(latents.to(self.mean.device), "b c h w -> b h w c") @ self.basis + self.mean
        )
        pixels = rearrange(
            rows, "b h w (c p q) -> b c (h p) (w q)", p=self.patch, q=self.patch, c=3
        )
        return pixels.clamp(0, 1)

    def save(self, folder: Path) -> None:
        """Write model.safetensors."""
        save_file({"mean": self.mean, "basis": self.basis}, folder / FILE)


def _patches(frames: Tensor, patch: int) -> Tensor:
    """uint8 [B, 3, H, W] to float32 patches in 0..1, [B, H / patch, W / patch, 3 patch^2]."""
    return rearrange(frames.float() / 255, "b c (h p) (w q) -> b h w (c p q)", p=patch, q=patch)
