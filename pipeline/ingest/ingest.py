"""A readable data set to shards with a manifest."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from pipeline import shards, stage
from pipeline.episode import Episode
from pipeline.errors import DataError
from pipeline.ingest import Options
from pipeline.ingest.split import ActionStatistics, split


def ingest(
    source: Sequence[Episode], dataset: str, normalise_actions: bool, options: Options, out: Path
) -> shards.Manifest:
    """Write every episode of `source`, split by episode, and the manifest last."""
    train, val = split(len(source), options.train_share, options.split_seed)
    if not train or not val:
        raise DataError(
            f"{len(source)} episodes split into {len(train)} train and {len(val)} val; "
            "both need one: collect more or change ingest.train_share"
        )
    out.mkdir()
    statistics = ActionStatistics()
    parts: list[tuple[shards.Split, list[int]]] = [("train", train), ("val", val)]
    written = []
    first = source[train[0]]
    for name, indices in parts:
        with shards.Writer(out, name, options.episodes_per_shard) as writer:
            for episode in _same_shape(_pick(source, indices, name), first):
                writer.add(episode)
                if name == "train":
                    statistics.add(episode.actions)
        written += writer.describe()
    manifest = shards.Manifest(
        dataset=dataset,
        episodes=len(source),
        frames=sum(sum(shard.lengths) for shard in written),
        frame_shape=(first.frames.shape[1], first.frames.shape[2], first.frames.shape[3]),
        action_dim=first.actions.shape[1],
        state_dim=first.states.shape[1],
        normalise_actions=normalise_actions,
        actions=statistics.summary(),
        shards=written,
    )
    (out / shards.MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n")
    return manifest


def _pick(source: Sequence[Episode], indices: list[int], split: str) -> Iterable[Episode]:
    return (source[index] for index in stage.track(indices, f"ingest {split}"))


def _same_shape(episodes: Iterable[Episode], first: Episode) -> Iterable[Episode]:
    """Every episode must have frames, actions and states shaped like the first one's."""
    for episode in episodes:
        for name in ("frames", "actions", "states"):
            shape, expected = getattr(episode, name).shape[1:], getattr(first, name).shape[1:]
            if shape != expected:
                raise DataError(
                    f"episode {episode.key}: {name} are shaped {shape}, "
                    f"those of {first.key} {expected}; a data set must have one shape"
                )
        yield episode
