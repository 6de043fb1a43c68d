"""A run of the paper as a complete params.yaml."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline import params
from pipeline.errors import DataError, ParamsError
from pipeline.formats import FORMATS
from pipeline.params import Settings
from pipeline.tools.changes import changed
from pipeline.tools.fetch.sets import SETS
from pipeline.tools.reproduce.published import Run


def merged(path: Path, changes: Mapping[str, Any]) -> Settings:
    """Settings of params.yaml with some dotted keys changed.

    Raises:
        ParamsError: params.yaml has no such key, or the changed values are invalid.
    """
    return params.check(path, changed(params.read(path).values, changes, path))


def with_data(run: Run, path: Path, root: Path | None, *, simulated: bool) -> dict[str, Any]:
    """A run's changes to params.yaml, with the folder of its episodes.

    Raises:
        ParamsError: there is neither a folder of published episodes nor --simulated.
    """
    key = f"datasets.{run.dataset}.root"
    if simulated:
        if root is not None:
            raise ParamsError(f"--root {root} and --simulated exclude each other; give one of them")
        return {**run.changes, key: None}
    if root is not None:
        return {**run.changes, key: str(root)}
    if params.read(path).values["datasets"][run.dataset]["root"] is None:
        raise ParamsError(
            f"{path}: {key} is null, and scores on simulated episodes are not comparable; "
            f"{_how_to_fetch(run.dataset)}"
        )
    return run.changes


def check_episodes(settings: Settings) -> None:
    """Open the data set of a run, unless it is simulated; no frame is read.

    Raises:
        DataError: there is no such folder, or it is not this data set.
    """
    dataset = settings.variant(FORMATS)
    if dataset.options.root is None:
        return
    root = Path(dataset.options.root)
    if not root.is_dir():
        raise DataError(f"{root}: no such folder of episodes; {_how_to_fetch(settings.dataset)}")
    dataset.build().open(root)


def _how_to_fetch(dataset: str) -> str:
    """How to get the published episodes."""
    folder = f"DEST/{SETS[dataset].folder}"
    return (
        f"get the published ones with `wm fetch {dataset} DEST`, and give --root {folder} or set "
        f"datasets.{dataset}.root: {folder}"
    )


def override(dotted: str, value: Any) -> str:
    """A key and its value for `dvc exp run -S`; Hydra parses JSON literals."""
    return f"{dotted}={json.dumps(value, ensure_ascii=False)}"
