"""Frames to fit an encoder to, and measures of the fitted one: PSNR and health of its latents."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pipeline.encoders import ENCODERS, Encoder
from pipeline.episodes import shards
from pipeline.episodes.manifest import Split, read_manifest
from pipeline.errors import ParamsError
from pipeline.latents.health import Health, measure_health
from pipeline.metrics.images import psnr
from pipeline.params import Params

HEALTH_FRAMES = 256
"""Frames on which the health of the latents is measured."""


def sample_frames(folder: Path, split: Split, count: int, stride: int) -> Tensor:
    """The first frames uint8 [N, 3, H, W] of a split, every `stride`-th, N at most `count`."""
    view = read_manifest(folder).view
    frames: list[Tensor] = []
    for episode in shards.read(folder, split):
        frames.append(view.apply(episode.frames[::stride]))
        if sum(map(len, frames)) >= count:
            break
    return torch.cat(frames)[:count]


@contextmanager
def finite_latents(name: str, options: Params) -> Iterator[None]:
    """Turn the FloatingPointError of an encoder into an error that names its likely cause.

    Args:
        name: of the encoder.
        options: of the encoder.

    Raises:
        ParamsError: its latents are NaN or infinite.
    """
    try:
        yield
    except FloatingPointError:
        key, remedy = _suspect(options.model_dump())
        raise ParamsError(
            f"{ENCODERS.block}.{name}{key} gives latents that are not finite; {remedy}"
        ) from None


def _suspect(options: dict[str, Any]) -> tuple[str, str]:
    """The option that probably causes latents that are not finite, and the way out."""
    if "weights" in options:
        return f".weights.source = {options['weights']['source']!r}", "name weights without NaN"
    if "learning_rate" in options:
        return f".learning_rate = {options['learning_rate']:g}", "lower it"
    return "", "change its options"


def reconstruction_psnr(encoder: Encoder, frames: Tensor, batch: int = 64) -> float:
    """Mean PSNR in dB of reconstructed frames uint8 [N, 3, H, W]."""
    values = []
    for start in range(0, len(frames), batch):
        truth = frames[start : start + batch]
        values.append(psnr(encoder.decode(encoder.encode(truth).mean).cpu(), truth))
    return float(torch.cat(values).mean())


def health_of(encoder: Encoder, frames: Tensor, batch: int = 64) -> Health:
    """Health of the latents of frames uint8 [N, 3, H, W]: how much those of different ones differ.

    Raises:
        FloatingPointError: latents are not finite.
    """
    parts = [encoder.encode(part).mean.cpu() for part in frames[:HEALTH_FRAMES].split(batch)]
    return measure_health(torch.cat(parts))
