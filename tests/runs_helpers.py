"""Runs whose stage is a line of Python, for worker processes, which import them by name."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline import stage
from pipeline.compute import parallel as cluster
from pipeline.errors import DataError
from pipeline.tools.workspaces import process
from pipeline.tools.workspaces.spread import Run
from pipeline.tools.workspaces.workspace import RunTime


@dataclass(frozen=True)
class Scripted:
    """A workspace in which `code` runs and leaves `made`; it has the interface of Workspace."""

    folder: Path
    code: str

    def spreading(self, where: cluster.Options) -> "Scripted":
        return Scripted(self.folder, f"{self.code}; print('by', {where.workers})")

    def done(self, name: str) -> RunTime | None:
        return RunTime(1.0, 1.0) if (self.folder / name).exists() else None

    def run(self, names: Sequence[str], variables: Mapping[str, str]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            command = [sys.executable, "-c", self.code]
            log = self.folder / f"{name}.log"
            status, _, _ = process.run(command, self.folder, log, variables)
            if status:
                raise DataError(f"{name} failed: {log.read_text().splitlines()[-1]}")
            with stage.output(self.folder / name) as partial:
                partial.write_text(log.read_text())


def scripted(folder: Path, **code: str) -> list[Run]:
    """A run for each name; a_b reads what a has made."""
    runs: dict[str, Run] = {}
    for name, lines in code.items():
        after = runs.get(name.rpartition("_")[0])
        runs[name] = Run(Scripted(folder / name, lines), ("made",), after)  # type: ignore[arg-type]
    return list(runs.values())
