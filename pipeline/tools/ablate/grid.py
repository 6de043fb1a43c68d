"""All runs of some tables: the data of each data set once, then every arm under every seed."""

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import params
from pipeline.errors import ParamsError, did_you_mean
from pipeline.tools.ablate import Arm, Table, Value
from pipeline.tools.ablate.processes import alone
from pipeline.tools.ablate.tables import SHARED
from pipeline.tools.ablate.workspace import Recipe, Spent, Workspace
from pipeline.tools.dvc_yaml import read as dvc_yaml
from pipeline.tools.tables import placed

DATA = ("collect", "ingest", "fit", "encode")
STUDY = ("train", "evaluate")


@dataclass(frozen=True, slots=True)
class Run:
    """Stages in a workspace."""

    workspace: Workspace
    stages: tuple[str, ...]

    def spent(self) -> Spent | None:
        """What they took together, if all of them are done."""
        each = [self.workspace.done(name) for name in self.stages]
        return sum((one for one in each if one), Spent()) if all(each) else None

    def measured(self, name: str) -> Any:
        """The metrics file of that name."""
        return json.loads((self.workspace.folder / "metrics" / f"{name}.json").read_text())


class Grid:
    """The runs of some tables, in a folder of their own.

    Attributes:
        data: by data set.
        runs: by data set, `Arm.run` and seed; what two tables share is there once.
    """

    def __init__(
        self,
        folder: Path,
        file: Path,
        changes: Mapping[str, Value],
        tables: Sequence[Table],
        seeds: int,
    ) -> None:
        """Lay them out in `folder`; nothing runs yet.

        Args:
            folder: where they run.
            file: the params.yaml that they are derived from, with a dvc.yaml beside it.
            changes: to all of them, after those of `SHARED`.
            tables: whose arms they are.
            seeds: how many, from 0 on.

        Raises:
            ParamsError: there is no dvc.yaml, a change names no key, or it makes a params.yaml that
                no stage would read.
        """
        self.folder, self.file, self.tables, self.seeds = folder, file, tables, seeds
        self.values = params.read(file).values
        self.shared = SHARED | dict(changes)
        self.stages = dvc_yaml.stages(file.with_name("dvc.yaml"))
        self.data = {
            dataset: Run(Workspace(folder / dataset / "data", self._recipe(dataset, {})), DATA)
            for dataset in dict.fromkeys(table.dataset for table in tables)
        }
        self.runs: dict[tuple[str, str, int], Run] = {}
        for seed in range(seeds):
            for table in tables:
                for arm in table.arms:
                    key = (table.dataset, arm.run, seed)
                    if key not in self.runs:
                        self.runs[key] = self._run(table.dataset, arm, seed)

    def run(self, at_once: int) -> Iterator[str]:
        """Run all that is not done, some at once, and say of each when it is.

        Raises:
            DataError: a stage failed, or another process works in the folder.
        """
        with alone(self.folder) as processes:

            def work(run: Run) -> None:
                run.workspace.run(run.stages, processes)

            for runs in (self.data.values(), self.runs.values()):
                todo = [run for run in runs if run.spent() is None]
                for number, run in enumerate(processes.each(work, todo, at_once), 1):
                    spent = run.spent()
                    assert spent is not None
                    place = run.workspace.folder.relative_to(self.folder)
                    yield f"{place}: {spent.seconds:.0f} s ({number} of {len(todo)})"

    def spent(self) -> Spent:
        """What all that is done took together."""
        each = [run.spent() for run in (*self.data.values(), *self.runs.values())]
        return sum((one for one in each if one), Spent())

    def _run(self, dataset: str, arm: Arm, seed: int) -> Run:
        recipe = self._recipe(dataset, {**arm.changes, "train.seed": seed})
        folder = self.folder / dataset / arm.run / f"seed-{seed}"
        return Run(Workspace(folder, recipe, self.data[dataset].workspace), STUDY)

    def _recipe(self, dataset: str, changes: Mapping[str, Value]) -> Recipe:
        values = copy.deepcopy(dict(self.values))
        for key, value in ({"dataset": dataset} | self.shared | dict(changes)).items():
            block, last = placed(values, key)
            if last not in block:
                hint = did_you_mean(last, block)
                raise ParamsError(f"{self.file}: there is no {key} to change; {hint}")
            block[last] = value
        params.check(self.file, values)
        return Recipe(self.stages, values)
