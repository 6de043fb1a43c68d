"""Image metrics: MSE, PSNR, SSIM and the Frechet distance."""

import torch
from torch import Tensor

from pipeline.compute.parts import in_parts
from pipeline.metrics.ssim_window import WINDOW, check_window_fits

PSNR_FLOOR = 1e-8
"""Smallest mean squared error, as in the reference: identical images score 80 dB."""
SIGMA = 1.5
"""Of SSIM's window, in pixels."""
C1, C2 = 0.01**2, 0.03**2
"""Of SSIM, for images in 0..1 (Wang et al. 2004, sec. III.C)."""


def mse(generated: Tensor, truth: Tensor, peak: float = 255) -> Tensor:
    """Mean squared error of each image, [N], for images [N, 3, H, W] in units of `peak`."""
    return (generated.float() - truth.float()).div(peak).square().mean((1, 2, 3))


def psnr(generated: Tensor, truth: Tensor, peak: float = 255) -> Tensor:
    """Peak signal-to-noise ratio in dB of each image, [N].

    Args:
        generated: images [N, 3, H, W] in 0..peak, uint8 or float.
        truth: images in the same range.
        peak: value of white: 255 for uint8, 1 for floats.
    """
    return -10 * torch.log10(mse(generated, truth, peak) + PSNR_FLOOR)


def ssim(generated: Tensor, truth: Tensor, peak: float = 255) -> Tensor:
    """Structural similarity of each image, [N], for images [N, 3, H, W] in 0..peak.

    Wang et al. 2004, eq. 13: Gaussian window of 11 pixels, sigma 1.5, each colour by itself, no
    padding.

    Raises:
        DataError: see `check_window_fits`.
    """
    check_window_fits(generated.shape[-2], generated.shape[-1], "images")
    return in_parts(lambda a, b: _ssim(a.float() / peak, b.float() / peak), generated, truth)


def _ssim(x: Tensor, y: Tensor) -> Tensor:
    """`ssim` of images in 0..1."""
    mean_x, mean_y, xx, yy, xy = _blurred(torch.stack([x, y, x * x, y * y, x * y]))
    variances = (xx - mean_x * mean_x).clamp(min=0) + (yy - mean_y * mean_y).clamp(min=0)
    covariance = xy - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + C1) / (mean_x * mean_x + mean_y * mean_y + C1)
    return (luminance * (2 * covariance + C2) / (variances + C2)).mean((1, 2, 3))


def _blurred(images: Tensor) -> Tensor:
    """Means of images [..., H, W] in SSIM's window, [..., H - 10, W - 10]."""
    down, across = (_band(side).to(images.device) for side in images.shape[-2:])
    return down @ images @ across.T


def _band(side: int) -> Tensor:
    """A Gaussian window in each row, a pixel further on than in the row above, [side - 10, side].

    A product with it is many times as fast on a CPU as a convolution of one channel.
    """
    offsets = torch.arange(WINDOW) - WINDOW // 2
    window = torch.exp(-((offsets / SIGMA) ** 2) / 2)
    rows = torch.zeros(side - WINDOW + 1, side + 1)
    rows[:, :WINDOW] = window / window.sum()
    return rows.flatten()[: len(rows) * side].view(-1, side)


def frechet(a: Tensor, b: Tensor) -> Tensor:
    """Frechet distance [] of normal distributions fitted to features [N, D] and [M, D], float64.

    |mean a - mean b|^2 + tr(A + B - 2 (A B)^(1/2)) with unbiased covariances A and B (Dowson &
    Landau 1982; of images: Heusel et al. 2017, eq. 6). The root taken is that of A^(1/2) B A^(1/2),
    which has the eigenvalues of A B and is symmetric, so that it works for fewer samples than D.
    """
    a, b = a.double(), b.double()
    return frechet_of_moments(a.mean(0), torch.cov(a.T), b.mean(0), torch.cov(b.T))


def frechet_of_moments(mean_a: Tensor, cov_a: Tensor, mean_b: Tensor, cov_b: Tensor) -> Tensor:
    """`frechet` [] of means [D] and covariances [D, D], float64."""
    values, vectors = torch.linalg.eigh(cov_a)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    shared = torch.linalg.eigvalsh(root @ cov_b @ root).clamp(min=0).sqrt().sum()
    return (mean_a - mean_b).square().sum() + cov_a.trace() + cov_b.trace() - 2 * shared
