"""Scores of generated frames against recorded ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

from pipeline.metrics import Perceptual, perceptual
from pipeline.metrics.backend import OWN, Backend
from pipeline.metrics.images import frechet, psnr, ssim
from pipeline.metrics.perceptual import Extractor, Metric


@dataclass(frozen=True, slots=True)
class FrameMetrics:
    """The scores that are computed of frames.

    Attributes:
        by_frame: metrics of a frame and the recorded one, by name.
        extractor: features whose distributions the FID compares; None if it was not requested.
        backends: what computes each of them, by name.
    """

    by_frame: Mapping[str, Metric]
    extractor: Extractor | None
    backends: dict[str, Backend] = field(default_factory=dict)

    def scores(self, generated: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """Every metric [B, F] of frames float32 [B, F, 3, H, W] in 0..1."""
        flat = generated.flatten(0, 1), truth.flatten(0, 1)
        return {
            name: metric(*flat).unflatten(0, truth.shape[:2])
            for name, metric in self.by_frame.items()
        }

    def features(self, frames: Tensor) -> Tensor:
        """Features [B F, D] of frames float32 [B, F, 3, H, W] in 0..1; D is 0 without an FID."""
        flat = frames.flatten(0, 1)
        return torch.empty(len(flat), 0) if self.extractor is None else self.extractor(flat)


def build(names: Sequence[Perceptual], device: torch.device) -> FrameMetrics:
    """PSNR, SSIM and the named perceptual metrics, with their networks on `device`.

    Raises:
        ParamsError: a library is not installed.
        DataError: a network's weights cannot be downloaded, or are damaged.
    """
    perceived: dict[str, Metric] = {"lpips": perceptual.lpips(device)} if "lpips" in names else {}
    extractor = perceptual.inception(device) if "fid" in names else None
    exact: dict[str, Metric] = {"psnr": partial(psnr, peak=1), "ssim": partial(ssim, peak=1)}
    backends = {"psnr": Backend(OWN), "ssim": Backend(OWN)}
    for name in names:
        backends[name] = perceptual.backend(name)
    return FrameMetrics(exact | perceived, extractor, backends)


def fids(features: Mapping[str, Tensor], truth: Tensor) -> dict[str, float]:
    """The FID of each set of features [N, D] to the true ones [N, D]; empty if D is 0."""
    if not truth.numel():
        return {}
    return {name: float(frechet(generated, truth)) for name, generated in features.items()}
