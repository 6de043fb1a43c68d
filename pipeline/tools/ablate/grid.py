"""All runs of some tables: the data of each data set once, then every arm with every seed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline import params
from pipeline.metrics.schema.evaluate import EvaluateMeans
from pipeline.metrics.schema.train import TrainMetrics
from pipeline.tools.ablate import Arm, Table
from pipeline.tools.ablate.tables import SHARED
from pipeline.tools.changes import Value
from pipeline.tools.dvc_yaml import read as dvc_yaml
from pipeline.tools.workspaces import spread
from pipeline.tools.workspaces.workspace import Recipe, RunTime, Workspace

DATA = ("collect", "ingest", "fit", "encode")
STUDY = ("train", "evaluate")


@dataclass(frozen=True, slots=True)
class Run(spread.Run):
    """A run with what it has measured."""

    def means(self) -> EvaluateMeans:
        """Scores, averaged over generated frames.

        Raises:
            DataError: the file is missing or damaged.
        """
        return EvaluateMeans.read(self._metrics("evaluate_mean"), self._way_out())

    def parameters(self) -> int:
        """Parameters of the trained model.

        Raises:
            DataError: the file is missing or damaged.
        """
        return TrainMetrics.read(self._metrics("train"), self._way_out()).parameters

    def _metrics(self, name: str) -> Path:
        return self.workspace.folder / "metrics" / f"{name}.json"

    def _way_out(self) -> str:
        return f"delete {self.workspace.folder} and run `wm ablate` again"


class Grid:
    """The runs of some tables, in a folder of their own.

    Attributes:
        data: by data set.
        runs: by data set, `Arm.run` and seed; a run that two tables share is there once.
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
            file: the params.yaml that theirs derive from, with a dvc.yaml beside it.
            changes: to the params.yaml of all runs, on top of `SHARED`.
            tables: whose arms they are.
            seeds: their number; seeds are 0, 1, 2, ...

        Raises:
            ParamsError: there is no dvc.yaml, or a change names no key or an invalid value.
        """
        self.folder, self.file, self.tables, self.seeds = folder, file, tables, seeds
        self.settings = params.read(file)
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

    def run(self, jobs: int | None) -> Iterator[str]:
        """Carry out all that is not done; see `spread.carry_out`.

        Args:
            jobs: runs at once, on this machine; None leaves it to `cluster` of params.yaml.
        """
        runs = (*self.data.values(), *self.runs.values())
        return spread.carry_out(self.folder, runs, spread.at_once(self.settings, jobs))

    def time(self) -> RunTime:
        """The time of all runs that are done."""
        each = [run.time() for run in (*self.data.values(), *self.runs.values())]
        return sum((one for one in each if one), RunTime())

    def _run(self, dataset: str, arm: Arm, seed: int) -> Run:
        recipe = self._recipe(dataset, {**arm.changes, "train.seed": seed})
        folder = self.folder / dataset / arm.run / f"seed-{seed}"
        data = self.data[dataset]
        return Run(Workspace(folder, recipe, data.workspace), STUDY, data)

    def _recipe(self, dataset: str, changes: Mapping[str, Value]) -> Recipe:
        own = {"dataset": dataset, **self.shared, **changes}
        return Recipe.changed(self.stages, self.settings.values, own, self.file)
