"""Where the clips of a `Dataset` come from: shards of episodes, or a latent cache."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import NotRequired, Protocol, TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.episodes import shards
from pipeline.episodes.episode import Episode
from pipeline.episodes.manifest import MANIFEST, read_manifest
from pipeline.errors import DataError
from pipeline.latents.cache import LatentCache, open_cache
from pipeline.latents.metadata import METADATA


@dataclass(frozen=True, slots=True)
class Entry:
    """An episode: its place among those of the recordings, key, split, and number of frames."""

    number: int
    key: str
    split: str
    length: int


class Values(TypedDict):
    """T frames and what was done at them. Of shards it has `frames`, of a cache `latents`."""

    frames: NotRequired[Tensor]
    """uint8 [T, H, W, 3] RGB, as recorded."""
    latents: NotRequired[Tensor]
    """Float32 [T, C, h, w], whitened means of the posterior."""
    actions: Tensor
    """Float32 [T x interval, A] in the data's units, one per environment step; those of the last
    frame lead past it."""
    states: Tensor
    """Float32 [T, S] in the data's units; S is 0 where none were recorded."""


class Recordings(Protocol):
    """Episodes to read clips of.

    Attributes:
        entries: the episodes, in order.
        interval: environment steps between two frames of a model, as published.
        stride: every so many frames there is one to be read.
    """

    entries: list[Entry]
    interval: int
    stride: int

    def read(self, entry: Entry, steps: NDArray[np.int64], span: slice) -> Values:
        """Frames and states at `steps` of an episode, and the actions of a span of it."""


@dataclass(slots=True)
class Shards:
    """Episodes in webdataset tars; the last one is kept decoded."""

    folder: Path
    entries: list[Entry]
    interval: int
    stride: int = 1
    recent: dict[str, Episode] = field(default_factory=dict)

    def read(self, entry: Entry, steps: NDArray[np.int64], span: slice) -> Values:
        """A clip with `frames`; see `Recordings.read`."""
        if entry.key not in self.recent:
            self.recent = {entry.key: next(shards.select(self.folder, [entry.key]))}
        episode = self.recent[entry.key]
        return {
            "frames": torch.from_numpy(episode.frames[steps]),
            "actions": torch.from_numpy(episode.actions[span].copy()),
            "states": torch.from_numpy(episode.states[steps]),
        }


@dataclass(slots=True)
class Latents:
    """Episodes in a latent cache."""

    cache: LatentCache
    entries: list[Entry]
    interval: int
    stride: int

    def read(self, entry: Entry, steps: NDArray[np.int64], span: slice) -> Values:
        """A clip with `latents`; see `Recordings.read`."""
        cache, number = self.cache, entry.number
        rows, first = cache.latent_starts[number] + steps // self.stride, cache.starts[number]
        states = np.zeros((len(steps), 0), np.float32)
        if cache.spec.state_dim:
            states = cache.states[first + steps]
        actions = cache.actions[first + span.start : first + span.stop]
        return {
            "latents": cache.latents(rows, None),
            "actions": torch.from_numpy(actions.copy()),
            "states": torch.from_numpy(states),
        }


def open_recordings(folder: Path) -> Recordings:
    """Open shards or a latent cache.

    Raises:
        DataError: the folder is neither, or damaged.
    """
    if (folder / METADATA).is_file():
        cache = open_cache(folder)
        listed = [Entry(i, e.key, e.split, e.length) for i, e in enumerate(cache.seal.episodes)]
        return Latents(cache, listed, cache.spec.interval, cache.spec.stride)
    if not (folder / MANIFEST).is_file():
        raise DataError(
            f"{folder}: neither shards nor a latent cache; give data/NAME/shards, which ingest "
            "writes, or data/NAME/latents/ENCODER.zarr, which encode does"
        )
    manifest = read_manifest(folder)
    listed = [Entry(number, *values) for number, values in enumerate(manifest.listed())]
    return Shards(folder, listed, manifest.interval)
