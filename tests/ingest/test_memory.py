"""Ingest streams: its memory holds an episode or two, however many there are."""

import tracemalloc
from dataclasses import dataclass

import numpy as np
import pytest
from ingest_helpers import ONE_PROCESS, ingest_options

from pipeline.episodes.episode import Episode
from pipeline.formats import DatasetOptions, OfficialSplit
from pipeline.ingest.ingest import Job, ingest

FRAMES = (32, 144, 144, 3)
SIZE = int(np.prod(FRAMES))  # 2 MB
OPTIONS = DatasetOptions(root=None, normalise_actions=True, resolution=None, antialias=True)


@dataclass
class Generated:
    """A source that makes each episode when it is indexed."""

    count: int
    from_video: bool
    split: OfficialSplit | None = None

    def __len__(self) -> int:
        return self.count

    def key(self, index: int) -> str:
        return f"episode_{index:03d}"

    def __getitem__(self, index: int) -> Episode:
        frames = np.full(FRAMES, index, np.uint8)
        rows = np.full((len(frames), 2), index, np.float32)
        video = bytes(SIZE) if self.from_video else None
        return Episode(self.key(index), frames, rows, rows, {}, video)


def peak(source, out, codec):
    """Peak bytes allocated by Python and numpy while a source is ingested."""
    options = ingest_options(codec=codec, episodes_per_shard=16)
    tracemalloc.start()
    try:
        manifest = ingest(Job("drawn", 1, OPTIONS, source), options, ONE_PROCESS, out)
        highest = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert manifest.episodes == len(source)
    return highest


@pytest.mark.parametrize(
    ("codec", "from_video"), [("raw", False), ("deflate", False), ("raw", True)], ids=str
)
def test_memory_does_not_grow_with_the_number_of_episodes(codec, from_video, tmp_path):
    _warm_up, few, many = (
        peak(Generated(count, from_video), tmp_path / str(run), codec)
        for run, count in enumerate((8, 8, 64))
    )
    # One episode, its bytes in the shard, and numpy's buffer between the two.
    assert SIZE < few < 3.5 * SIZE
    assert many < few + SIZE / 4
