"""Frames for fitting an encoder, and how well the fitted one gives frames back."""

from pathlib import Path

import torch
from torch import Tensor

from pipeline import shards
from pipeline.encoders import Encoder
from pipeline.encoders._collapse import Health, health
from pipeline.encoders._reduced import Reduced
from pipeline.encoders._semantic import Semantic
from pipeline.image_metrics import psnr
from pipeline.manifest import Split, read_manifest

MEASURED = 256
"""Frames whose latents are held against each other."""


def sample_frames(folder: Path, split: Split, count: int, stride: int) -> Tensor:
    """At most `count` frames uint8 [N, 3, H, W]: every `stride`-th, episode after episode."""
    view = read_manifest(folder).view
    taken: list[Tensor] = []
    for episode in shards.read(folder, split):
        taken.append(view.of(episode.frames[::stride]))
        if sum(map(len, taken)) >= count:
            break
    return torch.cat(taken)[:count]


def reconstruction_psnr(encoder: Encoder, frames: Tensor, batch: int = 64) -> float:
    """Mean PSNR in dB of decoded against true frames [N, 3, H, W], in 8-bit pixels."""
    values = []
    for start in range(0, len(frames), batch):
        truth = frames[start : start + batch]
        values.append(psnr(encoder.decode(encoder.encode(truth).mean).cpu(), truth))
    return float(torch.cat(values).mean())


def health_of(encoder: Encoder, frames: Tensor, batch: int = 64) -> Health:
    """Whether the latents of different frames [N, 3, H, W] differ; see `Health`."""
    parts = [encoder.encode(part).mean.cpu() for part in frames[:MEASURED].split(batch)]
    return health(torch.cat(parts))


def kept_variance_of(encoder: Encoder, frames: Tensor) -> float | None:
    """Share of the variance of features of frames [N, 3, H, W] that is kept; None if none is lost.

    See `Reduced.kept_variance`.
    """
    if isinstance(encoder, Semantic) and isinstance(encoder.backbone, Reduced):
        return encoder.backbone.kept_variance(frames[:MEASURED])
    return None
