"""How latents are split into shards: units of work that depend on the data set alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

CHUNK_FRAMES = 64
SHARD_BYTES = 2**26
SHARDS = 32
"""Least number of shards of a large enough set, so that many processes can share the work."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Latents first..first + count - 1 of the episode called `key`."""

    key: str
    first: int
    count: int


def shard_rows(rows: int, row_bytes: int, shards: int = SHARDS) -> int:
    """Rows of a shard: whole chunks, at most 64 MiB, few enough for `shards` shards."""
    limit = min(SHARD_BYTES // row_bytes, rows // shards)
    return max(1, limit // CHUNK_FRAMES) * CHUNK_FRAMES


def split_into_shards(episodes: Sequence[tuple[str, int]], rows: int) -> Iterator[list[Segment]]:
    """Segments of each shard of `rows` latents, of episodes (key, number of latents) in order."""
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
