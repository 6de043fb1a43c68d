"""Ingest streams: what it holds at once is an episode or two, however many there are."""

import tracemalloc
from dataclasses import dataclass

import numpy as np
import pytest
from ingest_helpers import HERE, ingest_options

from pipeline.datasets import DatasetOptions, OfficialSplit
from pipeline.episodes.episode import Episode
from pipeline.ingest.ingest import Job, ingest

FRAMES = (32, 144, 144, 3)
SIZE = int(np.prod(FRAMES))  # 2 MB
LAYOUT = DatasetOptions(root=None, normalise_actions=True, resolution=None, antialias=True)


@dataclass
class Drawn:
    """A source whose episodes exist only while somebody holds them."""

    count: int
    filmed: bool
    split: OfficialSplit | None = None

    def __len__(self) -> int:
        return self.count

    def key(self, index: int) -> str:
        return f"episode_{index:03d}"

    def __getitem__(self, index: int) -> Episode:
        frames = np.full(FRAMES, index, np.uint8)
        rows = np.full((len(frames), 2), index, np.float32)
        video = bytes(SIZE) if self.filmed else None
        return Episode(self.key(index), frames, rows, rows, {}, video)


def peak(source, out, codec):
    """Bytes that Python and numpy hold at most while a source is ingested."""
    options = ingest_options(codec=codec, episodes_per_shard=16)
    tracemalloc.start()
    try:
        manifest = ingest(Job("drawn", 1, LAYOUT, source), options, HERE, out)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert manifest.episodes == len(source)
    return most


@pytest.mark.parametrize(
    ("codec", "filmed"), [("raw", False), ("deflate", False), ("raw", True)], ids=str
)
def test_memory_does_not_grow_with_the_number_of_episodes(codec, filmed, tmp_path):
    _imports, few, many = (
        peak(Drawn(count, filmed), tmp_path / str(run), codec)
        for run, count in enumerate((8, 8, 64))
    )
    # One episode, its bytes in the shard, and numpy's buffer between the two.
    assert SIZE < few < 3.5 * SIZE
    assert many < few + SIZE / 4
