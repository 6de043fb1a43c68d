"""Data for the loader benches: a random latent cache, and files of whole episodes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.latents import writer
from pipeline.latents.cache import LatentCache, open_cache
from pipeline.latents.shard_layout import shard_rows
from pipeline.latents.spec import EpisodeEntry, LatentSpec, Seal
from pipeline.tools.parity.latent_spec import latent_spec

Columns = dict[str, NDArray[np.float16]]
"""Rows of the arrays of a latent cache, by array name."""
RECORDED, IMAGE = 224, 256
"""Sides in pixels of point_maze's frames, and of the input of the reference's encoder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """The windows, and the latent cache and files that they are loaded from."""

    latent: tuple[int, int, int]
    """Channels, height and width of a latent; float16."""
    frames: int
    """Length of the window."""
    interval: int
    """Frame interval in environment steps."""
    batch: int
    episodes: int
    """Episodes in the latent cache."""
    steps: int
    """Length of every episode."""
    files: int
    """Episodes that are also written as files of frames."""
    repeats: int


def write_random_cache(path: Path, setting: Setting) -> Path:
    """Write a latent cache of random means and standard deviations."""
    still = np.zeros((setting.steps, 1), np.float32)
    return write_random(path, setting.latent, [still] * setting.episodes, stochastic=True)


def write_random(
    path: Path,
    latent: tuple[int, int, int],
    actions: Sequence[NDArray[np.float32]],
    *,
    stochastic: bool,
) -> Path:
    """Write a latent cache of random means, and standard deviations if `stochastic`, in float16.

    Its episodes have these actions [T, A].
    """
    width = actions[0].shape[1]
    spec = latent_spec([1.0] * latent[0], {"mean": [0.0] * width, "std": [1.0] * width})
    spec = spec.model_copy(update={"latent_shape": latent, "stochastic": stochastic})
    rng = np.random.default_rng(0)
    names = ("mean", "std") if stochastic else ("mean",)

    def drawn(start: int, stop: int) -> Columns:
        shape = (stop - start, *latent)
        return {name: rng.standard_normal(shape, np.float32).astype(np.float16) for name in names}

    return write_cache(path, spec, actions, drawn)


def open_warm_cache(path: Path, setting: Setting) -> LatentCache:
    """Write and open it, with every chunk in the page cache and its checksum verified."""
    return warmed(open_cache(write_random_cache(path, setting)))


def warmed(cache: LatentCache) -> LatentCache:
    """The cache, with every chunk in the page cache and its checksum verified."""
    for rows in (cache.mean, cache.std) if cache.spec.stochastic else (cache.mean,):
        _ = rows[:: rows.array.chunks[0]]
    return cache


def write_cache(
    path: Path,
    spec: LatentSpec,
    actions: Sequence[NDArray[np.float32]],
    latents: Callable[[int, int], Columns],
) -> Path:
    """Write a latent cache of training episodes with these actions [T, A].

    `latents(start, stop)` returns rows start..stop - 1 of the arrays, and is called in order.
    """
    rows = sum(map(len, actions))
    columns = {name: column for name, column in spec.columns().items() if column.strided}
    shard = shard_rows(rows, columns["mean"].row_bytes)
    writer.create(path, columns, rows, shard)
    for start in range(0, rows, shard):
        writer.write_rows(path, start, latents(start, min(start + shard, rows)))
    entries = [
        EpisodeEntry(key=f"{n}", split="train", length=len(each), meta={})
        for n, each in enumerate(actions)
    ]
    writer.seal(path, {"actions": actions}, Seal(spec=spec, episodes=entries))
    return path


def write_files(folder: Path, setting: Setting) -> list[Path]:
    """Write random episodes uint8 [T, 224, 224, 3], each a .pth file, as point_maze's are."""
    generator, paths = torch.Generator().manual_seed(0), []
    for number in range(setting.files):
        shape = (setting.steps, RECORDED, RECORDED, 3)
        frames = torch.randint(256, shape, dtype=torch.uint8, generator=generator)
        paths.append(folder / f"episode_{number:03d}.pth")
        torch.save(frames, paths[-1])
    return paths
