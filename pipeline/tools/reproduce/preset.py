"""A run of the paper as a whole params.yaml."""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline import params
from pipeline.errors import DataError, ParamsError
from pipeline.families import DATASETS
from pipeline.params import Settings
from pipeline.tools.fetch.sets import SETS
from pipeline.tools.reproduce.published import Run
from pipeline.tools.tables import placed


def merged(path: Path, changes: Mapping[str, Any]) -> Settings:
    """params.yaml with dotted keys changed, checked whole.

    Raises:
        ParamsError: params.yaml has no such key, or the values do not go together.
    """
    values = copy.deepcopy(dict(params.read(path).values))
    for dotted, value in changes.items():
        block, last = placed(values, dotted)
        if last not in block:
            raise ParamsError(f"{path} has no key {dotted}, which the run sets; add it")
        block[last] = value
    return params.check(path, values)


def with_data(run: Run, path: Path, root: Path | None, *, simulated: bool) -> dict[str, Any]:
    """What a run changes in params.yaml, and where its episodes lie.

    Raises:
        ParamsError: the published episodes are nowhere, and simulated ones are not asked for.
    """
    key = f"datasets.{run.dataset}.root"
    if simulated:
        if root is not None:
            raise ParamsError(f"--root {root} and --simulated exclude each other; choose one")
        return {**run.changes, key: None}
    if root is not None:
        return {**run.changes, key: str(root)}
    if params.read(path).values["datasets"][run.dataset]["root"] is None:
        raise ParamsError(
            f"{path}: {key} is null, and figures of simulated episodes cannot be compared; "
            f"{_fetched(run.dataset)}"
        )
    return run.changes


def check_episodes(settings: Settings) -> None:
    """Open the set that a run is about, unless it is simulated; no frame is read.

    Raises:
        DataError: there is no such folder, or it does not hold this set.
    """
    chosen = settings.variant(DATASETS)
    if chosen.options.root is None:
        return
    root = Path(chosen.options.root)
    if not root.is_dir():
        raise DataError(f"{root}: no such folder of episodes; {_fetched(chosen.name)}")
    chosen.build().open(root)


def _fetched(dataset: str) -> str:
    """How to come by the published episodes."""
    folder = f"DEST/{SETS[dataset].folder}"
    return (
        f"get the published ones with `wm fetch {dataset} DEST`, and give --root {folder} or set "
        f"datasets.{dataset}.root: {folder}"
    )


def override(dotted: str, value: Any) -> str:
    """A key and its value as `dvc exp run -S` takes them: Hydra reads JSON's literals."""
    return f"{dotted}={json.dumps(value, ensure_ascii=False)}"
