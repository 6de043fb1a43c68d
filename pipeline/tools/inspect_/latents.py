"""A latent cache that encode wrote."""

from pathlib import Path
from typing import Any

import zarr

from pipeline import stage
from pipeline.latents.cache import LatentCache, open_cache
from pipeline.latents.mapped_rows import REMEDY
from pipeline.tools.inspect_ import Inspection, size


def inspect(path: Path, read_all: bool) -> Inspection:
    """Summarise the seal; `read_all` also reads every array, which verifies its checksums.

    Raises:
        DataError: the store is not sealed, or an array does not fit the seal.
    """
    cache = open_cache(path)
    return Inspection("latent cache", _facts(cache), _damage(cache) if read_all else None)


def _facts(cache: LatentCache) -> dict[str, Any]:
    spec, episodes = cache.spec, cache.seal.episodes
    facts = spec.model_dump(exclude={"mean", "std", "actions"})
    return {
        **facts,
        "bytes": size(cache.path),
        "episodes": len(episodes),
        "split": {name: len(cache.episodes(name)) for name in ("train", "val")},
        "frames": sum(episode.length for episode in episodes),
        "latents": {"mean": spec.mean, "std": spec.std},
        "actions": spec.actions,
    }


def _damage(cache: LatentCache) -> str | None:
    for name, array in stage.track(list(cache.store.arrays()), "read"):
        try:
            _read(array)
        except (ValueError, RuntimeError, OSError) as error:
            return f"{cache.path}/{name}: damaged ({error}); {REMEDY}"
    return None


def _read(array: "zarr.Array[Any]") -> None:
    """Read an array shard by shard: it may be larger than memory."""
    rows = (array.shards or array.chunks)[0]
    for start in range(0, array.shape[0], rows):
        array[start : start + rows]
