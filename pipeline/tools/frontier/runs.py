"""Stage `plan` at every point, each in a folder of its own, on the model of one workspace."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline import params
from pipeline.errors import DataError, ParamsError, did_you_mean
from pipeline.metrics.intervals import wilson
from pipeline.metrics.schema.plan import PlanMetrics, read
from pipeline.tools.changes import Value, parse_changes
from pipeline.tools.dvc_yaml import read as dvc_yaml
from pipeline.tools.frontier import Row
from pipeline.tools.frontier.points import POINTS, SAMPLING_STEPS, SHARED, Point
from pipeline.tools.workspaces import spread
from pipeline.tools.workspaces.workspace import Recipe, Workspace

STAGE, SEED = "plan", "plan.seed"
VARIED = (*SHARED, SAMPLING_STEPS, SEED)


@dataclass(frozen=True, slots=True)
class Request:
    """The options of `wm frontier`, as its --help explains them."""

    folder: Path
    params: Path
    only: Sequence[str]
    seeds: int
    changes: Mapping[str, object]


class Frontier:
    """The runs of some points.

    Attributes:
        runs: by point, one for each seed.
        execute: model frames of a plan that are executed before the next.
    """

    def __init__(self, request: Request) -> None:
        """Lay them out; nothing runs yet.

        Raises:
            ParamsError: a change or a planner is not in params.yaml, or a value is invalid.
            DataError: the workspace has not run as far as its model.
        """
        file = request.params
        self.settings = params.read(file)
        values = self.settings.values
        self.folder = request.folder
        stages = dvc_yaml.stages(file.with_name("dvc.yaml"))
        workspace = Workspace(file.parent, Recipe(stages, values))
        for path in workspace.recipe.inputs(STAGE):
            if not (file.parent / path).exists():
                maker = workspace.recipe.makers[path]
                raise DataError(
                    f"{file.parent / path}: no such file; `wm run {maker}` makes it, and plans are "
                    "made with the model of this workspace"
                )

        def run(point: Point, seed: int) -> Workspace:
            block = values["planners"][point.planner]
            own = {**SHARED, **request.changes, **point.changes(block), SEED: seed}
            recipe = Recipe.changed(stages, values, own, file)
            return Workspace(request.folder / point.name / f"seed-{seed}", recipe, workspace)

        self.runs = {
            point: [run(point, seed) for seed in range(request.seeds)]
            for point in selected(request.only)
        }

    def run(self, jobs: int | None) -> Iterator[str]:
        """Carry out all that is not done; see `spread.carry_out`.

        Args:
            jobs: runs at once, on this machine; None leaves it to `cluster` of params.yaml.
        """
        runs = [spread.Run(run, (STAGE,)) for runs in self.runs.values() for run in runs]
        return spread.carry_out(self.folder, runs, spread.at_once(self.settings, jobs))

    def rows(self) -> list[Row]:
        """What was reached at each point, over the goals of all seeds.

        Raises:
            DataError: metrics are missing or damaged, or nothing can be planned.
        """
        return [_row(point, runs) for point, runs in self.runs.items()]


def selected(planners: Sequence[str]) -> list[Point]:
    """The points of some planners; all if none is named.

    Raises:
        ParamsError: there are no points of such a planner.
    """
    known = list(dict.fromkeys(point.planner for point in POINTS))
    for name in planners:
        if name not in known:
            raise ParamsError(f"--only = {name!r} is not tried; {did_you_mean(name, known)}")
    return [point for point in POINTS if not planners or point.planner in planners]


def changes(pairs: Sequence[str]) -> dict[str, Value]:
    """Parse pairs such as `plan.execute=2`, whose values are YAML.

    Raises:
        ParamsError: a pair is not KEY=VALUE, or its key is none that plans alone depend on.
    """
    return parse_changes(pairs, "plan.execute=2", _check_is_free)


def _check_is_free(key: str) -> None:
    if not key.startswith("plan.") or key in VARIED:
        raise ParamsError(
            f"--set {key}: only keys of plan may change, but {', '.join(VARIED)}: the model is "
            "that of the workspace, and the points and --seeds set the others"
        )


def _row(point: Point, runs: Sequence[Workspace]) -> Row:
    scores = [_scores(run) for run in runs]
    goals, reached = (
        sum(each.goals for each in scores),
        sum(each.planner.reached for each in scores),
    )
    low, high = wilson(reached, goals)
    return Row(
        planner=point.planner,
        candidates=point.candidates,
        rounds=point.rounds,
        steps=point.steps,
        execute=runs[0].recipe.values["plan"]["execute"],
        success=reached / goals,
        low=low,
        high=high,
        cpu_seconds_per_replan=sum(each.cpu_seconds_per_replan for each in scores) / len(scores),
    )


def _scores(run: Workspace) -> PlanMetrics:
    path = run.folder / "metrics/plan.json"
    scores = read(path)
    if not isinstance(scores, PlanMetrics):
        raise DataError(f"{path}: nothing was planned: {scores.skipped}; choose another data set")
    return scores
