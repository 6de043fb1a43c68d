"""The stages of a dvc.yaml."""

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field

from pipeline import imports
from pipeline.errors import DataError, ParamsError
from pipeline.files.content import parsing
from pipeline.files.yaml_file import read_yaml
from pipeline.tools.dvc_yaml import DVC_YAML

Out = str | Annotated[dict[str, Any], Field(min_length=1)]
"""An output, alone or with options."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage; its strings may contain `${selector}` until they are `filled`.

    Attributes:
        command: the words of its command.
        deps: paths that it reads, code included.
        params: dotted keys of params.yaml that it depends on.
        outs: paths that it writes and DVC caches.
        records: paths that it writes and git keeps: metrics and plots.
    """

    command: list[str]
    deps: list[str]
    params: list[str]
    outs: list[str]
    records: list[str]

    @property
    def module(self) -> str:
        """The module of this package that its command runs; a package stands for its `__main__`.

        Raises:
            DataError: it runs none, as a stage of the user's own.
        """
        python_m = self.command[:2] == ["python", "-m"]
        name = self.command[2] if python_m and len(self.command) > 2 else ""
        for module in (f"{name}.__main__", name):
            if module in imports.modules():
                return module
        raise DataError(
            f"{DVC_YAML}: cmd = {' '.join(self.command)!r} is not python -m pipeline.STAGE; only "
            "the code of such a stage is known"
        )

    def filled(self, values: Mapping[str, Any]) -> "Stage":
        """The stage with the value of every `${selector}` in its place."""
        return Stage(
            *(
                [re.sub(r"\$\{(\w+)\}", lambda match: str(values[match[1]]), text) for text in part]
                for part in (self.command, self.deps, self.params, self.outs, self.records)
            )
        )


class Table(BaseModel):
    """A stage as dvc.yaml has it; other keys do not matter here."""

    cmd: str
    deps: list[str] | None = None
    params: tuple[str, ...] = ()
    outs: tuple[Out, ...] = ()
    metrics: tuple[Out, ...] = ()
    plots: tuple[Out, ...] = ()

    def stage(self) -> Stage:
        """The stage, not yet filled.

        Raises:
            ValueError: its command has a quotation mark without its other half.
        """
        command = shlex.split(self.cmd)
        records = [*self.metrics, *self.plots]
        return Stage(
            command, self.deps or [], list(self.params), _paths(self.outs), _paths(records)
        )


class Pipeline(BaseModel):
    """A dvc.yaml."""

    stages: dict[str, Table]


def stages(path: Path) -> dict[str, Stage]:
    """The stages of a dvc.yaml by name, not yet filled.

    Raises:
        ParamsError: there is no such file.
        DataError: it is no YAML, or not that of a pipeline.
    """
    if not path.is_file():
        raise ParamsError(f"{path}: no such file; run from the folder that holds it")
    way_out = f"correct it, or restore it with `git checkout {path}`"
    values = read_yaml(path, way_out)
    with parsing(path, way_out):
        tables = Pipeline.model_validate(values).stages
        return {name: table.stage() for name, table in tables.items()}


def _paths(outs: Iterable[str | Mapping[str, Any]]) -> list[str]:
    """Paths of outs, each written alone or as the key of its options."""
    return [out if isinstance(out, str) else next(iter(out)) for out in outs]
