"""A data set in its published layout, simulated or downloaded."""

from pathlib import Path
from typing import Any

from pipeline import stage
from pipeline.collect.inventory import resolve
from pipeline.datasets import DATASETS, Source, read_episode
from pipeline.errors import DataError, UserError
from pipeline.ingest.statistics import ActionStatistics
from pipeline.params import Settings
from pipeline.tools.inspect_ import Inspection, size


def inspect(path: Path, settings: Settings, read_all: bool) -> Inspection:
    """Summarise a data set by every layout that reads it.

    Args:
        path: a folder that collect wrote, or a downloaded data set.
        settings: params.yaml, for the options of each layout.
        read_all: read all episodes, not only the first.

    Raises:
        DataError: no layout reads it.
    """
    root = resolve(path)
    opened, lacks = _opened(root, settings)
    name, source = next(iter(opened.items()))
    facts = {"layout": list(opened), "root": str(root), "bytes": size(root)}
    facts["episodes"] = len(source)
    if source.split is not None:
        facts["split"] = {"train": len(source.split.train), "val": len(source.split.val)}
    if lacks is None:
        try:
            facts |= _read(source, name, read_all)
        except DataError as error:
            lacks = str(error)
    return Inspection("data set", facts, lacks)


def _opened(root: Path, settings: Settings) -> tuple[dict[str, Source], str | None]:
    """Sources by layout that read the first episode, that of params.yaml first; else the error."""
    selected = settings.values[DATASETS.selector]
    opened: dict[str, Source] = {}
    errors: dict[str, str] = {}
    for name in sorted(DATASETS.names(), key=lambda name: (name != selected, name)):
        try:
            opened[name] = settings.member(DATASETS, name).build().open(root)
            read_episode(opened[name], 0)
        except UserError as error:
            errors[name] = str(error)
    if not opened:
        raise DataError(
            f"{root}: not shards, an encoder, latents or a world model, and no layout reads it as "
            f"a data set; as {selected}: {errors[selected]}"
        )
    read = {name: source for name, source in opened.items() if name not in errors}
    return (read, None) if read else (opened, errors[next(iter(opened))])


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
