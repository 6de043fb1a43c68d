"""The stages of dvc.yaml, for tools that run or check them one by one."""

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import imports
from pipeline.errors import ParamsError
from pipeline.files.yaml_file import read_yaml


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
        """The module that its command runs: `python -m` of a package is its `__main__`."""
        name = self.command[2]
        main = f"{name}.__main__"
        return main if main in imports.modules() else name

    def filled(self, values: Mapping[str, Any]) -> "Stage":
        """The stage with the value of every `${selector}` in its place."""
        return Stage(
            *(
                [re.sub(r"\$\{(\w+)\}", lambda match: str(values[match[1]]), text) for text in part]
                for part in (self.command, self.deps, self.params, self.outs, self.records)
            )
        )


def stages(path: Path) -> dict[str, Stage]:
    """The stages of a dvc.yaml by name, not yet filled.

    Raises:
        ParamsError: there is no such file.
        DataError: it is no YAML.
    """
    if not path.is_file():
        raise ParamsError(f"{path}: no such file; run from the folder that holds it")
    tables = read_yaml(path, f"correct it, or restore it with `git checkout {path}`")["stages"]
    return {name: _parse(table) for name, table in tables.items()}


def _parse(table: Mapping[str, Any]) -> Stage:
    return Stage(
        command=shlex.split(table["cmd"]),
        deps=table.get("deps") or [],
        params=table.get("params", []),
        outs=_paths(table.get("outs", [])),
        records=_paths([*table.get("metrics", []), *table.get("plots", [])]),
    )


def _paths(outs: Iterable[str | Mapping[str, Any]]) -> list[str]:
    """Paths of outs, each written alone or as the key of its options."""
    return [out if isinstance(out, str) else next(iter(out)) for out in outs]
