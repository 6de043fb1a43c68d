"""What the bench of loaders loads: a latent cache, and files of whole episodes."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from pipeline.encode import store
from pipeline.encode.cut import shard_rows
from pipeline.latents import EpisodeEntry, Seal
from pipeline.parity._spec import latent_spec
from pipeline.shards import Table

RECORDED, IMAGE = 224, 256
"""Sides in pixels of point_maze's frames, and of what the reference shows to its encoder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Which windows are loaded out of what."""

    latent: tuple[int, int, int]
    """Channels, height, width, in float16."""
    frames: int
    """Length of the window."""
    interval: int
    """Steps from one of its frames to the next."""
    batch: int
    episodes: int
    """In the latent cache."""
    steps: int
    """Of every episode."""
    files: int
    """Episodes that also lie there as the published files do."""
    repeats: int


def write_store(path: Path, setting: Setting) -> Path:
    """A sealed cache of random means and spreads."""
    channels, rows = setting.latent[0], setting.episodes * setting.steps
    changes = {"latent_shape": setting.latent, "stochastic": True}
    spec = latent_spec(std=[1.0] * channels).model_copy(update=changes)
    columns = {name: column for name, column in spec.columns().items() if column.strided}
    shard = shard_rows(rows, columns["mean"].row_bytes)
    store.create(path, columns, rows, shard)
    rng = np.random.default_rng(0)
    for start in range(0, rows, shard):
        shape = (min(shard, rows - start), *setting.latent)
        drawn = {
            name: rng.standard_normal(shape, np.float32).astype(np.float16) for name in columns
        }
        store.put(path, start, drawn)
    still = np.zeros((setting.steps, spec.action_dim), np.float32)
    tables = [Table(f"{n}", still, still[:, :0], {}) for n in range(setting.episodes)]
    entries = [
        EpisodeEntry(key=table.key, split="train", length=setting.steps, meta={})
        for table in tables
    ]
    store.seal(path, tables, Seal(spec=spec, episodes=entries))
    return path


def write_files(folder: Path, setting: Setting) -> list[Path]:
    """Frames of episodes uint8 [T, 224, 224, 3], each in a file of torch's, as point_maze's are."""
    generator, paths = torch.Generator().manual_seed(0), []
    for number in range(setting.files):
        shape = (setting.steps, RECORDED, RECORDED, 3)
        frames = torch.randint(256, shape, dtype=torch.uint8, generator=generator)
        paths.append(folder / f"episode_{number:03d}.pth")
        torch.save(frames, paths[-1])
    return paths
