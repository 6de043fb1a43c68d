"""What dvc.yaml says: which command a stage is, and where what it makes lies."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import DataError

DVC_YAML = Path("dvc.yaml")


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage for one choice of selectors.

    Attributes:
        command: the words of its command.
        outs: what it writes and DVC keeps.
        records: what it writes for git: metrics and plots.
    """

    command: list[str]
    outs: list[str]
    records: list[str]


def read(name: str, values: Mapping[str, Any]) -> Stage:
    """A stage of dvc.yaml, under the selectors that params.yaml's `values` choose.

    Raises:
        DataError: there is no dvc.yaml here.
    """
    if not DVC_YAML.is_file():
        raise DataError(f"{DVC_YAML}: no such file; run from the folder that holds it")
    table = yaml.safe_load(DVC_YAML.read_text())["stages"][name]

    def filled(text: str) -> str:
        return re.sub(r"\$\{(\w+)\}", lambda match: str(values[match[1]]), text)

    def paths(kind: str) -> list[str]:
        listed = table.get(kind, [])
        return [filled(out if isinstance(out, str) else next(iter(out))) for out in listed]

    return Stage(filled(table["cmd"]).split(), paths("outs"), [*paths("metrics"), *paths("plots")])
