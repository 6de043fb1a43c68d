"""Shards that ingest wrote."""

from pathlib import Path
from typing import Any

from pipeline.episodes import shards
from pipeline.episodes.manifest import Manifest, read_manifest
from pipeline.errors import DataError
from pipeline.tools.inspect_ import Inspection


def inspect(path: Path, read_all: bool) -> Inspection:
    """Summarise the manifest; `read_all` also verifies the sha256 of every tar.

    Raises:
        DataError: the manifest is damaged, or a tar is missing or truncated.
    """
    manifest = read_manifest(path)
    return Inspection("shards", _facts(manifest), _damage(path) if read_all else None)


def _facts(manifest: Manifest) -> dict[str, Any]:
    tars = manifest.shards
    split = {
        name: sum(len(shard.episodes) for shard in tars if shard.split == name)
        for name in ("train", "val")
    }
    return {
        "dataset": manifest.dataset,
        "tars": len(tars),
        "bytes": sum(shard.bytes for shard in tars),
        "episodes": manifest.episodes,
        "split": split,
        "quarantined": len(manifest.quarantined),
        "frames": manifest.frames,
        "frame_shape": list(manifest.frame_shape),
        "seen_at": [manifest.view.height, manifest.view.width],
        "interval": manifest.interval,
        "action_dim": manifest.action_dim,
        "state_dim": manifest.state_dim,
        "actions": manifest.actions,
    }


def _damage(path: Path) -> str | None:
    try:
        shards.verify(path)
    except DataError as error:
        return str(error)
    return None
