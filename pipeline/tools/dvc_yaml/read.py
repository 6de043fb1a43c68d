"""What dvc.yaml says of its stages, for tools that run them by themselves."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import ParamsError


def stages(path: Path) -> dict[str, Any]:
    """The stages of a dvc.yaml, as they are written.

    Raises:
        ParamsError: there is no such file.
    """
    if not path.is_file():
        raise ParamsError(f"{path}: no such file; run from the folder that holds it")
    return yaml.safe_load(path.read_text())["stages"]


def filled(part: Any, values: Mapping[str, Any]) -> Any:
    """A part of dvc.yaml with the value of every ${selector} in its place."""
    if isinstance(part, str):
        return re.sub(r"\$\{(\w+)\}", lambda match: values[match[1]], part)
    if isinstance(part, list):
        return [filled(item, values) for item in part]
    if isinstance(part, dict):
        return {filled(key, values): filled(item, values) for key, item in part.items()}
    return part


def written(stage: Mapping[str, Any], *kinds: str) -> list[str]:
    """Paths that a stage writes: its `outs`, `metrics` or `plots`."""
    listed = [out for kind in kinds for out in stage.get(kind, [])]
    return [out if isinstance(out, str) else next(iter(out)) for out in listed]
