"""A data set, simulated or the user's own, of whatever format."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline import stage
from pipeline.collect.inventory import resolve
from pipeline.errors import DataError, UserError
from pipeline.formats import FORMATS, Detected, Source, read_episode
from pipeline.ingest.statistics import ActionStatistics
from pipeline.params import Settings
from pipeline.tools.inspect_ import Inspection, size
from pipeline.tools.inspect_.detect import block, configured, detect, reading


def inspect(path: Path, settings: Settings | None, read_all: bool) -> Inspection:
    """Summarise a data set, and say which block of params.yaml reads it.

    Args:
        path: a folder that collect wrote, or a data set.
        settings: params.yaml, for the options of the set if it is named there; None if there is no
            such file.
        read_all: read all episodes, not only the first.

    Raises:
        DataError: no format recognises it.
    """
    root = resolve(path)
    found = detect(root)
    own = configured(root, settings)
    if own is not None:  # params.yaml knows better than names and headers tell
        known = found.get(own.name, Detected(own.name))
        found = {own.name: replace(known, lacks=None)}
    if not found:
        raise DataError(
            f"{root}: not shards, an encoder, latents or a world model, nor a data set of a known "
            f"format ({', '.join(FORMATS.names())}); if its names are unusual, write its block "
            "of datasets in params.yaml (docs/formats.md) and inspect it again"
        )
    name, detected = next(iter(found.items()))
    title = f"{detected.title} data set"
    facts = {"format": name, "root": str(root), "bytes": size(root), **detected.facts}
    lacks = detected.lacks
    if lacks is not None:
        return Inspection(title, facts, lacks, block(name, detected, root))
    try:
        source = reading(name, detected, root, settings).build().open(root)
        facts["episodes"] = len(source)
        if source.split is not None:
            facts["split"] = {"train": len(source.split.train), "val": len(source.split.val)}
        facts |= _read(source, name, read_all)
    except UserError as error:
        lacks = str(error)
    return Inspection(title, facts, lacks, block(name, detected, root))


def _read(source: Source, name: str, read_all: bool) -> dict[str, Any]:
    first = read_episode(source, 0)
    facts: dict[str, Any] = {
        "frame_shape": list(first.frames.shape[1:]),
        "action_dim": first.actions.shape[1],
        "state_dim": first.states.shape[1],
    }
    if not read_all:
        return facts
    statistics, lengths = ActionStatistics(), []
    for index in stage.track(range(len(source)), f"read {name}"):
        episode = read_episode(source, index)
        statistics.add(episode.actions)
        lengths.append(len(episode))
    facts |= {"frames": sum(lengths), "lengths": [min(lengths), max(lengths)]}
    return {**facts, "actions": statistics.summary()}
