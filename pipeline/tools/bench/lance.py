"""Time loading windows of latents beside stable-worldmodel's reader of Lance tables.

Its windows are frames of the same episodes, decoded from JPEGs whenever they are drawn; a step of
training then encodes them. Ours are latents, which were encoded once.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.compute.threads import threads
from pipeline.compute.torchvision_shim import make_importable
from pipeline.episodes.episode import Episode
from pipeline.errors import MachineError
from pipeline.formats import Source, read_episode
from pipeline.latents.cache import LatentCache, open_cache
from pipeline.latents.windows import Windows
from pipeline.tools.bench.loader_data import warmed, write_random
from pipeline.tools.bench.rates import Rates, rates
from pipeline.tools.bench.timing import interleaved
from pipeline.tools.machine import describe

LANCE = "frames, stable-worldmodel's Lance reader"
ROUNDS = 20
"""Batches a run of ours; the reader of frames loads one."""
CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """The windows, and what they are of.

    Attributes:
        vae: shape of latents of a variational encoder, float16: means and spreads.
        features: shape of those of a deterministic one, float16.
        frames: length of a window.
        interval: frame interval in environment steps.
        batch: windows a batch.
        episodes: of the set, at most.
    """

    vae: tuple[int, int, int]
    features: tuple[int, int, int]
    frames: int
    interval: int
    batch: int
    episodes: int
    repeats: int


def run(source: Source, setting: Setting) -> Rates:
    """Load the same random windows in every way, in turn, on one thread, from the page cache.

    Raises:
        MachineError: stable-worldmodel is not installed.
        AssertionError: its windows have other actions than ours.
    """
    episodes = [read_episode(source, n) for n in range(min(setting.episodes, len(source)))]
    actions = [episode.actions for episode in episodes]
    with tempfile.TemporaryDirectory() as folder, threads(1):
        table = write_table(Path(folder) / "frames.lance", episodes, setting)
        vae, features = (
            _cache(Path(folder) / f"{name}.zarr", shape, actions, stochastic=name == "vae")
            for name, shape in (("vae", setting.vae), ("features", setting.features))
        )
        loads = variants(setting, table, vae, features)
        difference = _difference(table, Windows(vae, "train", setting.frames, setting.interval))
        timings = interleaved(
            {name: load for name, (load, _) in loads.items()}, setting.repeats, CPU
        )
        figures = rates(timings, {name: windows for name, (_, windows) in loads.items()})
    return Rates("lance", "windows", setting, describe(CPU), {"actions": difference}, figures)


def write_table(path: Path, episodes: Sequence[Episode], setting: Setting) -> Any:
    """Write a Lance table as stable-worldmodel does, and open it by its reader.

    Raises:
        MachineError: stable-worldmodel is not installed.
    """
    make_importable()
    try:
        from stable_worldmodel.data.formats.lance import LanceDataset, LanceWriter
    except ImportError as error:
        raise MachineError(
            f"wm bench lance needs stable-worldmodel ({error}): `make test-swm` installs it, and "
            ".venv-swm/bin/wm has this command"
        ) from None
    with LanceWriter(path) as writer:
        writer.write_episodes({"pixels": [*e.frames], "action": [*e.actions]} for e in episodes)
    return LanceDataset(path, frameskip=setting.interval, num_steps=setting.frames)


def variants(
    setting: Setting, table: Any, vae: LatentCache, features: LatentCache
) -> dict[str, tuple[Callable[[], object], int]]:
    """Ways of loading by name, stable-worldmodel's first, each with the windows of a run."""
    rng, noise = np.random.default_rng(0), torch.Generator().manual_seed(0)

    def by_lance() -> None:
        _frames(table, rng.integers(len(table), size=setting.batch))

    def ours(cache: LatentCache, generator: torch.Generator | None) -> Callable[[], None]:
        windows = Windows(cache, "train", setting.frames, setting.interval)

        def load() -> None:
            for _ in range(ROUNDS):
                rows = rng.integers(len(windows), size=setting.batch)
                windows.latents(rows, generator)
                windows.actions(rows)

        return load

    many = ROUNDS * setting.batch
    return {
        LANCE: (by_lance, setting.batch),
        f"latents {_words(setting.vae)}, means": (ours(vae, None), many),
        f"latents {_words(setting.vae)}, posterior samples": (ours(vae, noise), many),
        f"latents {_words(setting.features)}": (ours(features, None), many),
    }


def _frames(table: Any, rows: NDArray[np.int64]) -> tuple[torch.Tensor, torch.Tensor]:
    """A batch as torch's loader makes one: uint8 [B, T, 3, H, W], actions [B, T, interval A]."""
    items = table.__getitems__(rows.tolist())
    pixels, actions = (torch.stack([item[key] for item in items]) for key in ("pixels", "action"))
    return pixels, actions


def _difference(table: Any, windows: Windows) -> float:
    """Of the actions of windows as both give them: they are of the same steps."""
    assert len(table) == len(windows), f"{len(table)} windows, ours are {len(windows)}"
    rows = np.linspace(0, len(windows) - 1, 16).astype(np.int64)
    difference = float((_frames(table, rows)[1] - windows.actions(rows).flatten(2)).abs().max())
    assert difference == 0, f"actions differ by {difference:.1e}"
    return difference


def _cache(
    path: Path, shape: tuple[int, int, int], actions: list[NDArray[np.float32]], *, stochastic: bool
) -> LatentCache:
    return warmed(open_cache(write_random(path, shape, actions, stochastic=stochastic)))


def _words(shape: tuple[int, int, int]) -> str:
    return "x".join(map(str, shape))
