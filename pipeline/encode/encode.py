"""Shards through an encoder into a sealed latent cache."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline import shards, stage
from pipeline.encode import Execution
from pipeline.encode.runner import Runner, chosen
from pipeline.encode.writer import Writer, item_bytes
from pipeline.encoders import Encoder, Raw
from pipeline.episode import Episode
from pipeline.errors import DataError, ParamsError
from pipeline.latents import EpisodeEntry, LatentSpec
from pipeline.manifest import Manifest, Split, read_manifest
from pipeline.view import View

CPU, PLAIN = torch.device("cpu"), Execution(precision="float32", compile=False)


@dataclass(frozen=True, slots=True)
class Source:
    """What is encoded with what."""

    folder: Path
    encoder: Encoder
    encoder_name: str
    codec_digest: str
    device: torch.device = CPU
    execution: Execution = PLAIN

    def runner(self) -> Runner:
        """The encoder, on its device."""
        return Runner(self.encoder, self.device, self.execution)


def encode(source: Source, batch: int, out: Path, max_bytes: int | None = None) -> LatentSpec:
    """Encode every episode of the shards, the train split first; seal the store last.

    Raises:
        ParamsError: the store would be larger than `max_bytes`.
    """
    manifest = read_manifest(source.folder)
    runner = source.runner()
    probe = runner.encode(manifest.view.of(np.zeros((1, *manifest.frame_shape), np.uint8)))
    spec = _spec(source, manifest, Moments(probe.mean.shape[1]), probe)
    _plan(spec, manifest.frames, max_bytes)
    writer = Writer(out, spec.array_shapes(), manifest.frames)
    moments = Moments(spec.latent_shape[0])
    entries = []
    for split, episode in stage.track(_episodes(source.folder), "encode", manifest.episodes):
        for mean, std in _encoded(runner, manifest.view, episode, batch):
            writer.add("mean", mean)
            if std is not None:
                writer.add("std", std)
            if split == "train":
                moments.add(mean, std)
        writer.add("actions", episode.actions)
        if spec.state_dim:
            writer.add("states", episode.states)
        entries.append(
            EpisodeEntry(key=episode.key, split=split, length=len(episode), meta=dict(episode.meta))
        )
    spec = _spec(source, manifest, moments, probe)
    writer.seal(spec, entries)
    return spec


def _plan(spec: LatentSpec, frames: int, most: int | None) -> None:
    """Say what will be written before anything is, and refuse what is too much."""
    shapes = spec.array_shapes().items()
    total = frames * sum(math.prod(shape) * item_bytes(name) for name, shape in shapes)
    shape = "x".join(map(str, spec.latent_shape))
    line = f"{frames} frames of {shape} latents take {total / 1e9:.2f} GB"
    print(f"encode: {line}")
    if most is not None and total > most:
        raise ParamsError(
            f"encode.max_bytes = {most}, but {line}; raise it, choose an encoder with smaller "
            "latents, or lower datasets.NAME.resolution"
        )


class Moments:
    """Running mean and spread of sampled latents, per channel, in float64."""

    def __init__(self, channels: int) -> None:
        """Start with nothing counted."""
        self.count = 0
        self.total, self.squares = np.zeros(channels), np.zeros(channels)

    def add(self, mean: NDArray[np.float16], std: NDArray[np.float16] | None) -> None:
        """Count latents [B, C, h, w]; a sample's expected square is mean^2 + std^2."""
        squares = mean.astype(np.float64) ** 2
        if std is not None:
            squares += std.astype(np.float64) ** 2
        self.count += mean.size // mean.shape[1]
        self.total += mean.sum((0, 2, 3), dtype=np.float64)
        self.squares += squares.sum((0, 2, 3))

    def mean(self) -> NDArray[np.float64]:
        """Mean per channel [C]."""
        return self.total / max(self.count, 1)

    def std(self) -> NDArray[np.float64]:
        """Standard deviation per channel [C]."""
        variance = self.squares / max(self.count, 1) - self.mean() ** 2
        return np.sqrt(np.maximum(variance, 1e-12))


def _spec(source: Source, manifest: Manifest, moments: Moments, probe: Raw) -> LatentSpec:
    channels, height, width = probe.mean.shape[1:]
    return LatentSpec(
        dataset=manifest.dataset,
        encoder=source.encoder_name,
        codec=source.codec_digest,
        source=manifest.digest(),
        view=manifest.view,
        interval=manifest.interval,
        latent_shape=(channels, height, width),
        stochastic=probe.std is not None,
        mean=moments.mean().tolist(),
        std=moments.std().tolist(),
        action_dim=manifest.action_dim,
        state_dim=manifest.state_dim,
        normalise_actions=manifest.normalise_actions,
        actions=manifest.actions,
        precision=chosen(source.execution, source.device),
    )


def _episodes(folder: Path) -> Iterator[tuple[Split, Episode]]:
    for split in get_args(Split):
        for episode in shards.read(folder, split):
            yield split, episode


def _encoded(
    runner: Runner, view: View, episode: Episode, batch: int
) -> Iterator[tuple[NDArray[np.float16], NDArray[np.float16] | None]]:
    """Mean and spread of the posteriors of one episode, as they are stored."""
    starts = range(0, len(episode), batch)
    for raw in runner.run(view.of(episode.frames[s : s + batch]) for s in starts):
        largest = float(raw.mean.abs().max())
        if not largest <= float(np.finfo(np.float16).max):
            raise DataError(
                f"episode {episode.key}: its latents reach {largest:.3g}, beyond the range of "
                "float16; scale them down in the encoder"
            )
        mean = raw.mean.numpy().astype(np.float16)
        yield mean, None if raw.std is None else raw.std.numpy().astype(np.float16)
