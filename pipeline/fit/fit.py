"""What an encoder is fitted to, and measures of it: PSNR and health of its latents."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pipeline.compute.parts import in_parts
from pipeline.encoders import ENCODERS, Encoder, EncoderModule, Samples, StateEncoderModule
from pipeline.episodes import shards
from pipeline.episodes.manifest import Split, read_manifest
from pipeline.errors import ParamsError
from pipeline.latents.health import Health, measure_health
from pipeline.metrics.images import psnr
from pipeline.params import Params, Variant

HEALTH_FRAMES = 256
"""Frames on which the health of the latents is measured."""


def sample(folder: Path, split: Split, count: int, stride: int) -> Samples:
    """The first frames of a split, every `stride`-th, at most `count`, with their states."""
    view = read_manifest(folder).view
    frames: Tensor | None = None
    states: list[Tensor] = []
    taken = 0
    for episode in shards.read(folder, split):
        some = view.apply(episode.frames[::stride])[: count - taken]
        if frames is None:  # filled in place: joining parts would take as much memory again
            frames = torch.empty(
                count, *some.shape[1:], dtype=some.dtype, memory_format=_memory_format(some)
            )
        frames[taken : taken + len(some)] = some
        states.append(torch.from_numpy(episode.states[::stride]))
        taken += len(some)
        if taken == count:
            break
    assert frames is not None, "a split has episodes"
    return Samples(frames[:taken], torch.cat(states)[:taken])


def _memory_format(frames: Tensor) -> torch.memory_format:
    """How frames lie in memory, which decides how networks compute what they take."""
    last = frames.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if last else torch.contiguous_format


def fit_encoder(member: Variant[EncoderModule, Params], train: Samples, seed: int) -> Encoder:
    """The chosen encoder, fitted to what it takes.

    Raises:
        UserError: it cannot be fitted to these.
    """
    if isinstance(member.module, StateEncoderModule):
        return member.module.fit_states(train, member.options)
    return member.module.fit(train.frames, member.options, seed)


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


def reconstruction_psnr(encoder: Encoder, samples: Samples) -> float:
    """Mean PSNR in dB of reconstructed frames."""

    def score(given: Tensor, truth: Tensor) -> Tensor:
        return psnr(encoder.decode(encoder.encode(given).mean).cpu(), truth)

    return float(in_parts(score, samples.fed_to(encoder), samples.frames).mean())


def health_of(encoder: Encoder, samples: Samples) -> Health:
    """Health of the latents of samples: how much those of different ones differ.

    Raises:
        FloatingPointError: latents are not finite.
    """
    fed = samples.fed_to(encoder)[:HEALTH_FRAMES]
    return measure_health(in_parts(lambda part: encoder.encode(part).mean.cpu(), fed))
