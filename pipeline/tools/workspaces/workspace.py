"""A folder in which stages run one by one, by the commands of dvc.yaml."""

import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline import imports, stage
from pipeline.arguments import PARAMS
from pipeline.compute import parallel as cluster
from pipeline.errors import DataError
from pipeline.params import Settings, check
from pipeline.tools.changes import changed
from pipeline.tools.dvc_yaml.families import families_of
from pipeline.tools.dvc_yaml.read import Stage
from pipeline.tools.tables import placed
from pipeline.tools.workspaces import process

ALONE = {"cluster.workers": 1, "cluster.ray": None, "distributed.processes": 1}
"""Changes to params.yaml of runs that go on beside others: each stage is one process."""


class StageIdentity(BaseModel):
    """Everything that decides the outputs of a stage but its inputs.

    Attributes:
        command: the words of its command, without the Python.
        params: values of the keys of params.yaml that it depends on.
        code: digest of the modules that it imports.
    """

    model_config = ConfigDict(frozen=True)

    command: list[str]
    params: dict[str, Any]
    code: str


class DoneRecord(BaseModel):
    """Written when a stage has ended.

    Attributes:
        identity: of the stage and of all stages before it, by name.
        seconds: wall-clock time.
        cpu_seconds: on all cores together.
    """

    identity: dict[str, StageIdentity]
    seconds: float
    cpu_seconds: float


class Recipe:
    """The stages of a dvc.yaml, for one params.yaml."""

    def __init__(self, stages: Mapping[str, Stage], values: Mapping[str, Any]) -> None:
        """Fill the selectors of `stages` from `values`."""
        self.unfilled, self.values = stages, values
        self.stages = {name: stage.filled(values) for name, stage in stages.items()}
        self.makers = {
            path: name
            for name, stage in self.stages.items()
            for path in (*stage.outs, *stage.records)
        }

    @classmethod
    def changed(
        cls,
        stages: Mapping[str, Stage],
        values: Mapping[str, Any],
        changes: Mapping[str, Any],
        path: Path,
    ) -> Self:
        """The stages for the values of `path` with changes by dotted key, for one process.

        Raises:
            ParamsError: there is no such key, or the changed values are invalid.
        """
        own = changed(values, {**changes, **ALONE}, path)
        check(path, own)
        return cls(stages, own)

    def command(self, name: str) -> list[str]:
        """The words of a stage's command, for this Python."""
        return [sys.executable, *self.stages[name].command[1:]]

    def inputs(self, name: str) -> list[str]:
        """Outputs of earlier stages that a stage reads."""
        return [dep for dep in self.stages[name].deps if dep in self.makers]

    def identity(self, name: str) -> dict[str, StageIdentity]:
        """Everything that decides the outputs of a stage: its own identity and of all before it."""
        made_by = {self.makers[path] for path in self.inputs(name)}
        before = {key: one for maker in made_by for key, one in self.identity(maker).items()}
        members = families_of(self.unfilled[name])
        settings = Settings(PARAMS, self.values)
        chosen = {family: settings.chosen(family) for family in members}
        code = (family.module(name) for family, name in chosen.items() if name is not None)
        own = StageIdentity(
            command=self.command(name)[1:],
            params={key: self._value(key) for key in self.stages[name].params},
            code=_digest(self.unfilled[name].module, *code),
        )
        return {**before, name: own}

    def needed(self, *targets: str) -> tuple[str, ...]:
        """Some stages and all that these need, in the order of dvc.yaml."""
        found = {name for target in targets for name in self.identity(target)}
        return tuple(name for name in self.stages if name in found)

    def _value(self, dotted: str) -> Any:
        block, last = placed(dict(self.values), dotted)
        return block[last]


@cache
def _digest(*modules: str) -> str:
    return imports.digest(modules)


@dataclass(frozen=True, slots=True)
class RunTime:
    """Time that stages took: wall-clock, and on all cores together."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0

    def __add__(self, other: "RunTime") -> "RunTime":
        """One after the other."""
        return RunTime(self.seconds + other.seconds, self.cpu_seconds + other.cpu_seconds)


class Workspace:
    """A folder with its own params.yaml, whose inputs may be links into another workspace."""

    def __init__(self, folder: Path, recipe: Recipe, source: "Workspace | None" = None) -> None:
        """Run in `folder`; inputs that no stage makes here are links into `source`."""
        self.folder, self.recipe, self.source = folder, recipe, source

    def spreading(self, where: cluster.Options) -> "Workspace":
        """The same, whose stages spread their own work."""
        values = {**self.recipe.values, "cluster": where.model_dump()}
        return Workspace(self.folder, Recipe(self.recipe.unfilled, values), self.source)

    def done(self, name: str) -> RunTime | None:
        """The time a stage took, if it has ended with this command, these params and this code."""
        try:
            record = DoneRecord.model_validate_json(self._record(name).read_bytes())
        except (FileNotFoundError, ValidationError):
            return None
        same = record.identity == self.recipe.identity(name)
        return RunTime(record.seconds, record.cpu_seconds) if same else None

    def run(self, names: tuple[str, ...], variables: Mapping[str, str]) -> None:
        """Run the stages that are not done, one after the other; each resumes if it was killed.

        Args:
            names: of the stages.
            variables: of their environment, besides this process's.

        Raises:
            DataError: one failed; with the last line of its output.
        """
        for name in names:
            if self.done(name) is None:
                self._run(name, variables)

    def _run(self, name: str, variables: Mapping[str, str]) -> None:
        stage.remove(self._record(name))
        self.folder.mkdir(parents=True, exist_ok=True)
        with stage.output(self.folder / "params.yaml") as partial:
            partial.write_text(yaml.safe_dump(dict(self.recipe.values), sort_keys=False))
        self._link(self.recipe.inputs(name))
        log = self.folder / f"{name}.log"
        status, seconds, cpu_seconds = process.run(
            self.recipe.command(name), self.folder, log, variables
        )
        if status:
            raise DataError(f"{name} failed: {_last_words(status, log)} (log: {log})")
        record = DoneRecord(
            identity=self.recipe.identity(name),
            seconds=round(seconds, 2),
            cpu_seconds=round(cpu_seconds, 2),
        )
        stage.write_json(self._record(name), record.model_dump())

    def _link(self, inputs: list[str]) -> None:
        """Link outputs of `source` to the paths where stages here read them."""
        for path in inputs:
            here, maker = self.folder / path, self.recipe.makers[path]
            if self.source is not None and not here.exists():
                theirs = self.source.recipe.identity(maker)
                assert theirs == self.recipe.identity(maker), f"arms change {path}"
                here.parent.mkdir(parents=True, exist_ok=True)
                here.symlink_to((self.source.folder / path).resolve())

    def _record(self, name: str) -> Path:
        return self.folder / ".done" / f"{name}.json"


def _last_words(status: int, log: Path) -> str:
    """Why a command failed: the signal that killed it, or the last line of its log."""
    if status == -signal.SIGKILL:
        return "it was killed, most likely as memory ran out; have fewer runs at once"
    said = log.read_text(errors="replace").strip()
    return (said or f"exit status {status}").splitlines()[-1]
