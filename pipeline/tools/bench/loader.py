"""Timing how windows of latents are loaded, against plain zarr and against episode files."""

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
import zarr
from numpy.typing import NDArray
from torch import Tensor

from pipeline.encode.shard import one_thread
from pipeline.episodes.resize import resize
from pipeline.latents.cache import LatentCache
from pipeline.latents.windows import Windows
from pipeline.tools.bench.loader_data import IMAGE, Setting, warm_store, write_files
from pipeline.tools.bench.rates import Rates, rates
from pipeline.tools.bench.timing import interleaved
from pipeline.tools.machine import describe

FILES, ZARR, MEANS, SAMPLES = (
    "an episode file a clip, as published",
    "zarr, a window at a time",
    "ours, means",
    "ours, posterior samples",
)
ROUNDS = 20
"""Batches of ours in a run; the slow ones load one."""
CPU = torch.device("cpu")


def run(setting: Setting) -> Rates:
    """Load random windows in every way, by turns, on one thread, from warm files.

    Raises:
        AssertionError: ours differ from what zarr reads.
    """
    with tempfile.TemporaryDirectory() as folder, one_thread():
        cache = warm_store(Path(folder) / "latents.zarr", setting)
        loads = variants(setting, cache, write_files(Path(folder), setting))
        for load, _ in loads.values():
            load()
        windows, first = _windows(setting, cache), np.arange(setting.batch)
        ours, theirs = windows.latents(first, None), by_zarr(windows, first)
        difference = float((ours - theirs).abs().max())
        assert difference == 0, f"latents differ by {difference:.1e}"
        timings = interleaved(
            {name: load for name, (load, _) in loads.items()}, setting.repeats, CPU
        )
        counts = {name: clips for name, (_, clips) in loads.items()}
        found = rates(timings, counts)
        return Rates("loader", "clips", setting, describe(CPU), {MEANS: difference}, found)


def variants(
    setting: Setting, cache: LatentCache, files: list[Path]
) -> dict[str, tuple[Callable[[], object], int]]:
    """Ways of loading by name, the published one first, each with the clips that it loads."""
    rng, noise = np.random.default_rng(0), torch.Generator().manual_seed(0)
    windows = _windows(setting, cache)

    def drawn(batches: int) -> Iterator[NDArray[np.int64]]:
        return (rng.integers(len(windows), size=setting.batch) for _ in range(batches))

    def episodes() -> None:
        last = setting.steps - setting.frames * setting.interval
        starts = rng.integers(last + 1, size=setting.batch)
        numbers = rng.integers(len(files), size=setting.batch)
        torch.stack([_clip(files[n], s, setting) for n, s in zip(numbers, starts, strict=True)])

    def loaded(generator: torch.Generator | None) -> None:
        for rows in drawn(ROUNDS):
            windows.latents(rows, generator)
            windows.actions(rows)

    def plain() -> None:
        for rows in drawn(1):
            by_zarr(windows, rows)
            windows.actions(rows)

    return {
        FILES: (episodes, setting.batch),
        ZARR: (plain, setting.batch),
        MEANS: (partial(loaded, None), ROUNDS * setting.batch),
        SAMPLES: (partial(loaded, noise), ROUNDS * setting.batch),
    }


def by_zarr(windows: Windows, rows: NDArray[np.int64]) -> Tensor:
    """`Windows.latents` of the means, by one call of zarr for each window."""
    array, spec = cast("zarr.Array[Any]", windows.cache.store["mean"]), windows.cache.spec
    parts = [
        np.asarray(array[frames[0] : frames[-1] + 1 : windows.interval])
        for frames in windows.frame_indices(rows).tolist()
    ]
    return spec.whiten(torch.from_numpy(np.stack(parts)).float())


def _windows(setting: Setting, cache: LatentCache) -> Windows:
    return Windows(cache, "train", setting.frames, setting.interval)


def _clip(path: Path, start: int, setting: Setting) -> Tensor:
    """Pixels in -1..1 [T, 3, 256, 256] of one clip, as the reference's data set loads them."""
    frames = torch.load(path, weights_only=True)  # uint8 [T, H, W, 3], all of the episode
    stop = start + setting.frames * setting.interval
    clip = frames[start : stop : setting.interval].permute(0, 3, 1, 2)
    return resize(clip, (IMAGE, IMAGE), antialias=True) * 2 - 1
