"""Cutting the latents of a set into shards: units of work that depend on the data set alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

CHUNK_FRAMES = 64
SHARD_BYTES = 2**26
SHARDS = 32
"""How many a set is cut into at least, if it is large enough, so that many can work on it."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Latents first..first + count - 1 of the episode called `key`."""

    key: str
    first: int
    count: int


def shard_rows(rows: int, row_bytes: int, shards: int = SHARDS) -> int:
    """Rows of a shard: one chunk or more, within 64 MiB and the share that makes so many shards."""
    most = min(SHARD_BYTES // row_bytes, rows // shards)
    return max(1, most // CHUNK_FRAMES) * CHUNK_FRAMES


def cut(episodes: Sequence[tuple[str, int]], rows: int) -> Iterator[list[Segment]]:
    """Episodes (key, latents), one after the other, in shards of so many rows."""
    shard: list[Segment] = []
    left = rows
    for key, length in episodes:
        first = 0
        while first < length:
            count = min(left, length - first)
            shard.append(Segment(key, first, count))
            first, left = first + count, left - count
            if not left:
                yield shard
                shard, left = [], rows
    if shard:
        yield shard
