"""By what generated frames are compared with true ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.metrics import Perceptual, perceptual
from pipeline.metrics.images import frechet, psnr, ssim
from pipeline.metrics.perceptual import Features, Metric


@dataclass(frozen=True, slots=True)
class FrameMetrics:
    """What is computed of frames.

    Attributes:
        by_frame: metrics of each frame beside the true one, by name.
        features: those whose distributions the FID compares; None where it is not asked for.
    """

    by_frame: Mapping[str, Metric]
    features: Features | None

    def of(self, generated: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """Every metric [B, F] of frames uint8 [B, F, 3, H, W]."""
        flat = generated.flatten(0, 1), truth.flatten(0, 1)
        return {
            name: metric(*flat).unflatten(0, truth.shape[:2])
            for name, metric in self.by_frame.items()
        }

    def seen(self, frames: Tensor) -> Tensor:
        """Features [B F, D] of frames uint8 [B, F, 3, H, W]; D is 0 without an FID."""
        flat = frames.flatten(0, 1)
        return torch.empty(len(flat), 0) if self.features is None else self.features(flat)


def asked_for(names: Sequence[Perceptual], where: torch.device) -> FrameMetrics:
    """PSNR, SSIM and these, whose networks stand on a device.

    Raises:
        ParamsError: a library is not installed.
        DataError: a network's weights cannot be had.
    """
    perceived = {"lpips": perceptual.lpips(where)} if "lpips" in names else {}
    features = perceptual.inception(where) if "fid" in names else None
    return FrameMetrics({"psnr": psnr, "ssim": ssim, **perceived}, features)


def fids(features: Mapping[str, Tensor], truth: Tensor) -> dict[str, float]:
    """The FID of each set of features [N, D] to the true ones [N, D]; empty where D is 0."""
    if not truth.numel():
        return {}
    return {name: float(frechet(found, truth)) for name, found in features.items()}
