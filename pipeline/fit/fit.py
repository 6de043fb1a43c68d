"""Frames for fitting an encoder, and how well the fitted one gives frames back."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pipeline.encoders import Encoder
from pipeline.encoders._shared.collapse import Health, health
from pipeline.encoders._shared.reduced import Reduced
from pipeline.encoders._shared.semantic import Semantic
from pipeline.episodes import shards
from pipeline.episodes.manifest import Split, read_manifest
from pipeline.errors import ParamsError
from pipeline.families import ENCODERS
from pipeline.metrics.images import psnr
from pipeline.metrics.schema.fit import FitMetrics
from pipeline.params import Params

MEASURED = 256
"""Frames whose latents are held against each other."""


def sample_frames(folder: Path, split: Split, count: int, stride: int) -> Tensor:
    """At most `count` frames uint8 [N, 3, H, W]: every `stride`-th, episode after episode."""
    view = read_manifest(folder).view
    taken: list[Tensor] = []
    for episode in shards.read(folder, split):
        taken.append(view.apply(episode.frames[::stride]))
        if sum(map(len, taken)) >= count:
            break
    return torch.cat(taken)[:count]


@contextmanager
def finite_latents(name: str, options: Params) -> Iterator[None]:
    """Fit and measure an encoder whose latents may turn out to be NaN or infinite.

    Args:
        name: of the encoder.
        options: its own.

    Raises:
        ParamsError: they are.
    """
    try:
        yield
    except FloatingPointError:
        key, remedy = _suspect(options.model_dump())
        raise ParamsError(
            f"{ENCODERS.block}.{name}{key} gives latents that are not finite; {remedy}"
        ) from None


def _suspect(options: dict[str, Any]) -> tuple[str, str]:
    """Which option of an encoder is behind latents that are not finite, and what to do with it."""
    if "weights" in options:
        return f".weights.source = {options['weights']['source']!r}", "name weights without NaN"
    if "learning_rate" in options:
        return f".learning_rate = {options['learning_rate']:g}", "lower it"
    return "", "change its options"


def reconstruction_psnr(encoder: Encoder, frames: Tensor, batch: int = 64) -> float:
    """Mean PSNR in dB of decoded against true frames [N, 3, H, W], in 8-bit pixels."""
    values = []
    for start in range(0, len(frames), batch):
        truth = frames[start : start + batch]
        values.append(psnr(encoder.decode(encoder.encode(truth).mean).cpu(), truth))
    return float(torch.cat(values).mean())


def health_of(encoder: Encoder, frames: Tensor, batch: int = 64) -> Health:
    """Whether the latents of different frames [N, 3, H, W] differ; see `Health`.

    Raises:
        FloatingPointError: latents are not finite.
    """
    parts = [encoder.encode(part).mean.cpu() for part in frames[:MEASURED].split(batch)]
    return health(torch.cat(parts))


def with_kept_variance(metrics: FitMetrics, encoder: Encoder, frames: Tensor) -> FitMetrics:
    """The metrics with `Reduced.kept_variance` of frames [N, 3, H, W], if features are reduced."""
    if isinstance(encoder, Semantic) and isinstance(encoder.backbone, Reduced):
        kept = encoder.backbone.kept_variance(frames[:MEASURED])
        return metrics.model_copy(update={"kept_variance": kept})
    return metrics
