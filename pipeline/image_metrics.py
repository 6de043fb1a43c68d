"""How close generated frames are to true ones."""

import torch
from torch import Tensor

from pipeline.torchvision_shim import make_importable

WINDOW = 11
"""Side of the Gaussian window of SSIM in pixels."""

PSNR_FLOOR = 1e-8
"""Smallest mean squared error, as in the reference: identical images score 80 dB."""


def psnr(generated: Tensor, truth: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB of each image, [N], for uint8 images [N, 3, H, W]."""
    error = (generated.float() - truth.float()).div(255).square().mean((1, 2, 3))
    return -10 * torch.log10(error + PSNR_FLOOR)


def ssim(generated: Tensor, truth: Tensor) -> Tensor:
    """Structural similarity of each image, [N], for uint8 images [N, 3, H, W].

    Wang et al. 2004: Gaussian window of 11 pixels, sigma 1.5, over each colour, without padding.
    """
    make_importable()
    from torchmetrics.functional.image import structural_similarity_index_measure

    _, everywhere = structural_similarity_index_measure(
        generated.float() / 255,
        truth.float() / 255,
        data_range=1.0,
        reduction="none",
        return_full_image=True,
    )
    # torchmetrics also averages windows that hang over the edge, on reflected pixels.
    inside = slice(WINDOW // 2, -(WINDOW // 2))
    return everywhere[:, :, inside, inside].mean((1, 2, 3))
