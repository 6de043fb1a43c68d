"""Shards that ingest wrote."""

from pathlib import Path
from typing import Any

from pipeline import stage
from pipeline.checksum import sha256
from pipeline.episodes.manifest import Manifest, read_manifest
from pipeline.tools.inspect_ import Inspection


def inspect(path: Path, read_all: bool) -> Inspection:
    """Summarise the manifest; `read_all` also verifies the sha256 of every tar.

    Raises:
        DataError: the manifest is damaged, or a tar is missing or truncated.
    """
    manifest = read_manifest(path)
    return Inspection("shards", _facts(manifest), _damage(path, manifest) if read_all else None)


def _facts(manifest: Manifest) -> dict[str, Any]:
    shards = manifest.shards
    split = {
        name: sum(len(shard.episodes) for shard in shards if shard.split == name)
        for name in ("train", "val")
    }
    return {
        "dataset": manifest.dataset,
        "tars": len(shards),
        "bytes": sum(shard.bytes for shard in shards),
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


def _damage(path: Path, manifest: Manifest) -> str | None:
    for shard in stage.track(manifest.shards, "hash"):
        if sha256(path / shard.name) != shard.sha256:
            return f"{path / shard.name}: changed; write it again with `dvc repro -f ingest`"
    return None
