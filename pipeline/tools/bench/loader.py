"""Time the loading of windows of latents, against plain zarr and against episode files."""

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

from pipeline.compute.threads import threads
from pipeline.episodes.resize import resize
from pipeline.latents.cache import LatentCache
from pipeline.latents.windows import Windows
from pipeline.tools.bench.loader_data import IMAGE, Setting, open_warm_cache, write_files
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
"""Batches a run of ours; the slow variants load one."""
CPU = torch.device("cpu")


def run(setting: Setting) -> Rates:
    """Load random windows in every way, in turn, on one thread, from the page cache.

    Raises:
        AssertionError: our latents differ from those that zarr reads.
    """
    with tempfile.TemporaryDirectory() as folder, threads(1):
        cache = open_warm_cache(Path(folder) / "latents.zarr", setting)
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
        figures = rates(timings, counts)
        return Rates("loader", "clips", setting, describe(CPU), {MEANS: difference}, figures)


def variants(
    setting: Setting, cache: LatentCache, files: list[Path]
) -> dict[str, tuple[Callable[[], object], int]]:
    """Ways of loading by name, the reference's first, each with the number of clips of a run."""
    rng, noise = np.random.default_rng(0), torch.Generator().manual_seed(0)
    windows = _windows(setting, cache)

    def random_rows(batches: int) -> Iterator[NDArray[np.int64]]:
        return (rng.integers(len(windows), size=setting.batch) for _ in range(batches))

    def load_files() -> None:
        last = setting.steps - setting.frames * setting.interval
        starts = rng.integers(last + 1, size=setting.batch)
        numbers = rng.integers(len(files), size=setting.batch)
        torch.stack([_clip(files[n], s, setting) for n, s in zip(numbers, starts, strict=True)])

    def load_ours(generator: torch.Generator | None) -> None:
        for rows in random_rows(ROUNDS):
            windows.latents(rows, generator)
            windows.actions(rows)

    def load_by_zarr() -> None:
        for rows in random_rows(1):
            by_zarr(windows, rows)
            windows.actions(rows)

    return {
        FILES: (load_files, setting.batch),
        ZARR: (load_by_zarr, setting.batch),
        MEANS: (partial(load_ours, None), ROUNDS * setting.batch),
        SAMPLES: (partial(load_ours, noise), ROUNDS * setting.batch),
    }


def by_zarr(windows: Windows, rows: NDArray[np.int64]) -> Tensor:
    """Whitened means as `Windows.latents` gives them, by one zarr selection a window."""
    array, spec = cast("zarr.Array[Any]", windows.cache.store["mean"]), windows.cache.spec
    parts = [
        np.asarray(array[frames[0] : frames[-1] + 1 : windows.interval])
        for frames in windows.frame_indices(rows).tolist()
    ]
    return spec.whiten(torch.from_numpy(np.stack(parts)).float())


def _windows(setting: Setting, cache: LatentCache) -> Windows:
    return Windows(cache, "train", setting.frames, setting.interval)


def _clip(path: Path, start: int, setting: Setting) -> Tensor:
    """One clip, [T, 3, 256, 256] in -1..1, as the reference's data set loads it."""
    frames = torch.load(path, weights_only=True)  # uint8 [T, H, W, 3], all of the episode
    stop = start + setting.frames * setting.interval
    clip = frames[start : stop : setting.interval].permute(0, 3, 1, 2)
    return resize(clip, (IMAGE, IMAGE), antialias=True) * 2 - 1
