"""A set of very many tiny episodes, and what it takes to open and to list it."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from pipeline.episodes import shards
from pipeline.episodes.episode import Episode
from pipeline.episodes.manifest import MANIFEST, Manifest
from pipeline.episodes.resize import Preprocessing
from pipeline.latents.cache import open_cache
from pipeline.latents.windows import Windows
from pipeline.tools.bench.loader_data import write_random
from pipeline.tools.bench.processes import usage_of
from pipeline.tools.workspaces.process import HOME

STEPS, SIDE, WIDTH = 10, 12, 2
"""Frames of an episode, their side in pixels, and numbers of an action."""
PER_SHARD, BLOCK = 64, 2**16
RAW, SHARDS, LATENTS = "raw", "shards", "latents.zarr"


@dataclass(frozen=True, slots=True)
class Listed:
    """CPU-seconds of a process, start-up included, and what it has in memory at its peak.

    Attributes:
        cpu: CPU-seconds.
        peak: gigabytes; 0 for what is timed within the bench.
    """

    cpu: float
    peak: float


def run(episodes: int) -> dict[str, Listed]:
    """Write such a set as it is recorded, as shards and as latents; open and list each.

    Raises:
        DataError: a command failed.
    """
    with TemporaryDirectory() as place:
        folder = Path(place)
        for name, write in WRITERS.items():
            write(folder / name, episodes)
        (folder / "params.yaml").write_bytes((HOME / "params.yaml").read_bytes())
        listed = {
            f"wm inspect, {name}": _listed(["pipeline", "inspect", name], folder)
            for name in WRITERS
        }
        listed["open latents and list their windows"] = _opened(folder / LATENTS)
        for words in (["init", "--no-scm", "--quiet"], ["add", "--quiet", *WRITERS]):
            usage_of(["dvc", *words], HOME, folder)
        return {**listed, "dvc status": _listed(["dvc", "status"], folder)}


def write_raw(folder: Path, episodes: int) -> None:
    """As stable-worldmodel records them: an HDF5 file, which holds a row more an episode."""
    import h5py

    rows = STEPS + 1
    folder.mkdir()
    with h5py.File(folder / "set.h5", "w") as file:
        file["ep_len"] = np.full(episodes, rows)
        file["ep_offset"] = np.arange(episodes) * rows
        file["action"] = np.zeros((episodes * rows, WIDTH), np.float32)
        pixels = file.create_dataset("pixels", (episodes * rows, SIDE, SIDE, 3), np.uint8)
        grey = np.full((BLOCK, SIDE, SIDE, 3), 128, np.uint8)
        for first in range(0, len(pixels), BLOCK):  # h5py takes minutes for one number
            pixels[first : first + BLOCK] = grey[: len(pixels) - first]


def write_shards(folder: Path, episodes: int) -> None:
    """As ingest writes them, 64 a tar."""
    folder.mkdir()
    numbers = range(0, episodes, PER_SHARD)
    written = [
        shards.write(
            folder / f"train-{first // PER_SHARD:06d}.tar",
            "train",
            _episodes(first, min(first + PER_SHARD, episodes)),
            "deflate",
        )
        for first in numbers
    ]
    manifest = Manifest(
        dataset="tiny",
        episodes=episodes,
        frames=STEPS * episodes,
        frame_shape=(SIDE, SIDE, 3),
        view=Preprocessing(height=SIDE, width=SIDE, antialias=True),
        interval=1,
        action_dim=WIDTH,
        state_dim=0,
        normalise_actions=False,
        actions={name: [float(name == "std")] * WIDTH for name in ("mean", "std", "min", "max")},
        quarantined=[],
        shards=written,
    )
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2))


def write_latents(folder: Path, episodes: int) -> None:
    """As encode writes them, of 4 numbers a frame."""
    write_random(
        folder, (4, 1, 1), [np.zeros((STEPS, WIDTH), np.float32)] * episodes, stochastic=False
    )


WRITERS: dict[str, Callable[[Path, int], None]] = {
    RAW: write_raw,
    SHARDS: write_shards,
    LATENTS: write_latents,
}


def _episodes(first: int, stop: int) -> Iterator[Episode]:
    for number in range(first, stop):
        yield Episode(
            key=f"episode_{number:06d}",
            frames=np.full((STEPS, SIDE, SIDE, 3), number % 256, np.uint8),
            actions=np.zeros((STEPS, WIDTH), np.float32),
            states=np.zeros((STEPS, 0), np.float32),
            meta={},
        )


def _listed(words: list[str], folder: Path) -> Listed:
    usage = usage_of(words, HOME, folder)
    return Listed(round(usage.cpu, 3), round(usage.peak / 1e9, 3))


def _opened(path: Path) -> Listed:
    start = time.process_time()
    Windows(open_cache(path), "train", frames=4, interval=1)
    return Listed(round(time.process_time() - start, 3), 0)
