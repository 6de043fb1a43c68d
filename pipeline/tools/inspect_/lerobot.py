"""A LeRobot data set: each of its cameras."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline import stage
from pipeline.errors import DataError
from pipeline.formats import Detected, lerobot
from pipeline.formats.lerobot import cameras
from pipeline.formats.lerobot import info as infos
from pipeline.formats.lerobot.info import Info
from pipeline.formats.lerobot.source import LeRobotSource, Reading, open_folder
from pipeline.ingest.statistics import ActionStatistics
from pipeline.params import read
from pipeline.tools.inspect_ import Inspection, size
from pipeline.tools.inspect_.detect import block, reading

KIND = "LeRobot data set"


def inspect(root: Path, params: Path, read_all: bool) -> Inspection:
    """Summarise info.json and the episodes that the meta files list, for each camera of colour.

    Args:
        root: the folder that holds meta/.
        params: params.yaml, for `align_by` and `episodes` of this set; need not be there.
        read_all: read all episodes, not only the first of each camera.

    Raises:
        DataError: info.json is damaged or of an unknown version.
    """
    info = infos.read(root)
    detected = lerobot.detect(root) or Detected(KIND)
    chosen = _chosen(root, detected, params)
    facts: dict[str, Any] = {
        "version": info.codebase_version,
        "root": str(root),
        "bytes": size(root),
        "episodes": info.total_episodes,
        "fps": info.fps,
        "cameras": {name: _described(info, name) for name in cameras.names(info)},
        **detected.facts,
    }
    lacks: str | None = None
    unreadable: dict[str, int] = {}
    first: dict[str, Any] = {}
    for camera in cameras.colour(info):
        try:
            source = open_folder(root, replace(chosen, cameras=(camera,)))
        except DataError as error:
            lacks = lacks or str(error)
            continue
        found, failed = _read(source, camera, read_all)
        facts = {**facts, "episodes": len(source)}
        first = first or found
        unreadable[camera] = len(failed)
        if failed and lacks is None:
            lacks = f"{len(failed)} of {len(source)} episodes cannot be read; {failed[0]}"
    if not cameras.colour(info):
        lacks = f"{root / infos.FILE}: names no camera of 8-bit colour"
    facts = {**facts, "unreadable": unreadable, **first}
    return Inspection(KIND, facts, lacks, block("lerobot", detected, root))


def _described(info: Info, name: str) -> str:
    feature = info.features[name]
    sizes = " x ".join(map(str, feature.shape))
    other = cameras.otherwise(feature)
    return f"{feature.dtype} {sizes}" + (f" ({other}: cannot be read)" if other else "")


def _chosen(root: Path, detected: Detected, params: Path) -> Reading:
    settings = read(params) if params.is_file() else None
    options = reading("lerobot", detected, root, settings).options
    assert isinstance(options, lerobot.Options)
    return options.reading


def _read(source: LeRobotSource, camera: str, read_all: bool) -> tuple[dict[str, Any], list[str]]:
    """What the episodes are like, and why some cannot be read."""
    readable = sorted(set(range(len(source))) - set(source.unreadable))
    chosen = range(len(source)) if read_all else source.unreadable + readable[:1]
    facts: dict[str, Any] = {}
    statistics, lengths, surplus, failed = ActionStatistics(), [], 0, []
    for index in stage.track(chosen, f"read {camera}"):
        try:
            episode = source[index]
        except DataError as error:
            failed.append(str(error))
            continue
        facts = {"action_dim": episode.actions.shape[1], "state_dim": episode.states.shape[1]}
        statistics.add(episode.actions)
        lengths.append(len(episode))
        surplus += int(episode.meta.get("surplus_frames", 0))
    if read_all and lengths:
        facts |= {"frames": sum(lengths), "lengths": [min(lengths), max(lengths)]}
        facts |= {"surplus_frames": surplus, "actions": statistics.summary()}
    return facts, failed
