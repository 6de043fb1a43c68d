"""A folder in which stages run by themselves, by the very commands of dvc.yaml."""

import hashlib
import json
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from pipeline import stage
from pipeline.errors import DataError
from pipeline.tools.ablate.processes import HOME, Processes
from pipeline.tools.dvc_yaml.read import filled, written
from pipeline.tools.tables import placed


class Recipe:
    """The stages of a dvc.yaml, for one params.yaml."""

    def __init__(self, stages: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        """Fill in the selectors of `stages` from `values`."""
        self.stages, self.values = filled(stages, values), values
        kinds = ("outs", "metrics", "plots")
        self.makers = {out: name for name in stages for out in written(self.stages[name], *kinds)}

    def command(self, name: str) -> list[str]:
        """The words of a stage's command, for this Python."""
        return [sys.executable, *shlex.split(self.stages[name]["cmd"])[1:]]

    def inputs(self, name: str) -> list[str]:
        """What a stage reads of what stages before it made."""
        return [dep for dep in self.stages[name]["deps"] if dep in self.makers]

    def fingerprint(self, name: str) -> str:
        """Digest of all that decides a stage's outputs: command, params, code, stages before."""
        parts = [shlex.join(self.command(name)[1:])]
        parts += [json.dumps([key, self._value(key)]) for key in self.stages[name]["params"]]
        for dep in self.stages[name]["deps"]:
            maker = self.makers.get(dep)
            parts.append(f"{dep} {self.fingerprint(maker) if maker else _digest(HOME / dep)}")
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]

    def _value(self, dotted: str) -> Any:
        block, last = placed(dict(self.values), dotted)
        return block[last]


@cache
def _digest(path: Path) -> str:
    """Of a file, or of all Python files below a folder."""
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
        digest.update(f"{file.relative_to(HOME)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Spent:
    """What stages took, by the clock and on all cores together."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0

    def __add__(self, other: "Spent") -> "Spent":
        """One after the other."""
        return Spent(self.seconds + other.seconds, self.cpu_seconds + other.cpu_seconds)


class Workspace:
    """A folder with a params.yaml of its own; what its stages read may lie in another one."""

    def __init__(self, folder: Path, recipe: Recipe, source: "Workspace | None" = None) -> None:
        """Run in `folder`; inputs that no stage makes here are links into `source`."""
        self.folder, self.recipe, self.source = folder, recipe, source

    def done(self, name: str) -> Spent | None:
        """What a stage took, if it ran to its end with these params and this code."""
        stamp = self._stamp(name)
        if not stamp.is_file():
            return None
        record = json.loads(stamp.read_text())
        same = record.pop("fingerprint") == self.recipe.fingerprint(name)
        return Spent(**record) if same else None

    def run(self, names: tuple[str, ...], processes: Processes) -> None:
        """Run the stages that are not done, one after the other; each resumes what was killed.

        Raises:
            DataError: one failed; with its last words.
        """
        for name in names:
            if self.done(name) is None:
                self._run(name, processes)

    def _run(self, name: str, processes: Processes) -> None:
        stage.remove(self._stamp(name))
        self.folder.mkdir(parents=True, exist_ok=True)
        with stage.output(self.folder / "params.yaml") as partial:
            partial.write_text(yaml.safe_dump(dict(self.recipe.values), sort_keys=False))
        self._link(self.recipe.inputs(name))
        log = self.folder / f"{name}.log"
        status, seconds, cpu = processes.run(self.recipe.command(name), self.folder, log)
        if status:
            last = (log.read_text().strip() or f"exit status {status}").splitlines()[-1]
            raise DataError(f"{name} failed in {self.folder}: {last} (all it said: {log})")
        record = {"fingerprint": self.recipe.fingerprint(name)}
        times = {"seconds": round(seconds, 2), "cpu_seconds": round(cpu, 2)}
        stage.write_json(self._stamp(name), record | times)

    def _link(self, inputs: list[str]) -> None:
        """Show what stages of `source` made where stages here look for it."""
        for path in inputs:
            here, maker = self.folder / path, self.recipe.makers[path]
            if self.source is not None and not here.exists():
                theirs = self.source.recipe.fingerprint(maker)
                assert theirs == self.recipe.fingerprint(maker), f"arms change {path}"
                here.parent.mkdir(parents=True, exist_ok=True)
                here.symlink_to((self.source.folder / path).resolve())

    def _stamp(self, name: str) -> Path:
        return self.folder / ".done" / f"{name}.json"
