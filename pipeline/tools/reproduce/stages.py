"""What dvc.yaml says: which command a stage is, and where what it makes lies."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.tools.dvc_yaml import read as dvc_yaml

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
        ParamsError: there is no dvc.yaml here.
    """
    stage = dvc_yaml.filled(dvc_yaml.stages(DVC_YAML)[name], values)
    records = dvc_yaml.written(stage, "metrics", "plots")
    return Stage(stage["cmd"].split(), dvc_yaml.written(stage, "outs"), records)
