"""A data set in a published layout, simulated or downloaded."""

from pathlib import Path
from typing import Any

from pipeline import stage
from pipeline.collect.inventory import resolve
from pipeline.datasets import Source
from pipeline.errors import DataError, UserError
from pipeline.families import DATASETS
from pipeline.ingest.statistics import ActionStatistics
from pipeline.params import Settings
from pipeline.tools.inspect_ import Found, size


def look(path: Path, settings: Settings, everything: bool) -> Found:
    """What the layouts say that can read a folder.

    Args:
        path: a folder that collect wrote, or a downloaded set.
        settings: params.yaml, for the options of each layout.
        everything: read all episodes, not the first alone.

    Raises:
        DataError: no layout can open it.
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
            facts |= _read(source, name, everything)
        except DataError as error:
            lacks = str(error)
    return Found("data set", facts, lacks)


def _opened(root: Path, settings: Settings) -> tuple[dict[str, Source], str | None]:
    """The layouts that read a folder's first episode, the chosen one first, else why none does."""
    chosen = settings.values[DATASETS.selector]
    opened: dict[str, Source] = {}
    refused: dict[str, str] = {}
    for name in sorted(DATASETS.names(), key=lambda name: (name != chosen, name)):
        try:
            opened[name] = settings.member(DATASETS, name).build().open(root)
            opened[name][0]
        except UserError as error:
            refused[name] = str(error)
    if not opened:
        raise DataError(
            f"{root}: neither shards nor an encoder, latents or a world model, and no layout reads "
            f"it as a data set; as {chosen}: {refused[chosen]}"
        )
    read = {name: source for name, source in opened.items() if name not in refused}
    return (read, None) if read else (opened, refused[next(iter(opened))])


def _read(source: Source, name: str, everything: bool) -> dict[str, Any]:
    first = source[0]
    facts: dict[str, Any] = {
        "frame_shape": list(first.frames.shape[1:]),
        "action_dim": first.actions.shape[1],
        "state_dim": first.states.shape[1],
    }
    if not everything:
        return facts
    statistics, lengths = ActionStatistics(), []
    for index in stage.track(range(len(source)), f"read {name}"):
        episode = source[index]
        statistics.add(episode.actions)
        lengths.append(len(episode))
    facts |= {"frames": sum(lengths), "lengths": [min(lengths), max(lengths)]}
    return {**facts, "actions": statistics.summary()}
