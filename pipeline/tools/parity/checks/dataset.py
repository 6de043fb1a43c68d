"""The data set: split, windows, fixed validation clips, actions and frames."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
import zarr
from numpy.typing import NDArray
from torch import Tensor

from pipeline.episodes.resize import resize
from pipeline.ingest.split import split_by_share
from pipeline.ingest.statistics import ActionStatistics
from pipeline.latents.cache import LatentCache
from pipeline.latents.spec import EpisodeEntry, Seal
from pipeline.latents.windows import Windows, fixed_subset, slices
from pipeline.tools.parity.golden import Arrays, Check, Folder, compare, exact
from pipeline.tools.parity.latent_spec import latent_spec

FRAMES, INTERVAL = 4, 5
TRAIN_SHARE, SEED = 0.9, 42
TOLERANCE = 1e-6


def check(arrays: Arrays, folder: Folder) -> Iterator[Check]:
    """`{train,val}_{traj,slices}`, `val_subsetN_seedS`, `raw_action_{mean,std}` and `itemN_*`."""
    arrays.inputs("actions", "seq_lengths")
    lengths = arrays("seq_lengths").tolist()
    train, val = split_by_share(len(lengths), TRAIN_SHARE, SEED)
    episodes = {"train": train, "val": val}
    rows = {part: _rows(numbers, lengths) for part, numbers in episodes.items()}
    expected = {f"{part}_traj": np.array(numbers) for part, numbers in episodes.items()}
    expected |= {f"{part}_slices": row for part, row in rows.items()}
    statistics = _statistics(arrays, lengths, episodes["train"])
    for name in arrays:
        if name in expected:
            yield exact(name, torch.from_numpy(expected[name]), arrays(name))
        elif match := re.fullmatch(r"(train|val)_subset(\d+)_seed(\d+)", name):
            yield _subset(arrays, name, rows[match[1]], int(match[2]), int(match[3]))
        elif name in ("raw_action_mean", "raw_action_std"):
            ours = torch.tensor(statistics[name.removeprefix("raw_action_")])
            yield compare(name, ours, arrays(name), TOLERANCE)
    item_names = (re.fullmatch(r"item(\d+)_(name|raw_frames|video|action)", n) for n in arrays)
    for item in sorted({int(match[1]) for match in item_names if match}):
        yield from _item(arrays, f"item{item}", rows["train"][item], statistics)


def _subset(arrays: Arrays, name: str, rows: NDArray[np.int64], size: int, seed: int) -> Check:
    """A fixed subset of the windows, as their rows [N, 3] or as indices [N] into them."""
    indices, theirs = fixed_subset(len(rows), size, seed), arrays(name)
    return exact(name, torch.from_numpy(indices if theirs.ndim == 1 else rows[indices]), theirs)


def _rows(episodes: Sequence[int], lengths: Sequence[int]) -> NDArray[np.int64]:
    """The windows of episodes, as rows (episode, start, end)."""
    span = FRAMES * INTERVAL
    position, start = slices([lengths[episode] for episode in episodes], span).T
    return np.stack([np.array(episodes)[position], start, start + span], 1)


def _statistics(
    arrays: Arrays, lengths: Sequence[int], episodes: Sequence[int]
) -> dict[str, list[float]]:
    statistics = ActionStatistics()
    for episode in episodes:
        statistics.add(arrays("actions")[episode, : lengths[episode]].numpy())
    return statistics.summary()


def _item(
    arrays: Arrays, item: str, row: NDArray[np.int64], statistics: dict[str, list[float]]
) -> Iterator[Check]:
    """What the data set returns for one window of the train split."""
    episode, start, _ = row.tolist()
    arrays.inputs(f"{item}_raw_frames")
    if (name := f"{item}_name") in arrays:
        differs = arrays.text(name) != f"traj_{episode:04d}_start_{start:04d}"
        yield Check(name, float(differs), 0.0)
    if (name := f"{item}_action") in arrays:
        actions = _chunks(arrays("actions")[episode], start, statistics)
        yield compare(name, actions, arrays(name), TOLERANCE)
    if (name := f"{item}_video") in arrays:
        theirs, frames = arrays(name), arrays(f"{item}_raw_frames").permute(0, 3, 1, 2)
        resized = resize(frames, (theirs.shape[-2], theirs.shape[-1]))
        yield compare(name, resized * 2 - 1, theirs, TOLERANCE)


def _chunks(actions: Tensor, start: int, statistics: dict[str, list[float]]) -> Tensor:
    """Standardised actions [T, interval x A] of an episode's window that begins at `start`."""
    spec = latent_spec(actions=statistics)
    entry = EpisodeEntry(key="episode", split="train", length=len(actions), meta={})
    store = zarr.group(zarr.storage.MemoryStore())
    store.create_array("actions", data=actions.numpy())
    cache = LatentCache(Path(), Seal(spec=spec, episodes=[entry]), store)
    chunks = Windows(cache, "train", FRAMES, INTERVAL).actions(np.array([start]))[0]
    return spec.scale_actions(chunks).flatten(-2)
