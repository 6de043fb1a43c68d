"""Our scores beside the published ones: difference, tolerance and verdict."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from pipeline.metrics.schema import plan as plan_metrics
from pipeline.metrics.schema.evaluate import ActionMetrics, EvaluateMeans
from pipeline.metrics.schema.plan import PlanMetrics
from pipeline.tools.reproduce.published import PublishedRuns, Run

MEANS, ACTIONS, PLAN = (f"metrics/{name}.json" for name in ("evaluate_mean", "actions", "plan"))
"""Metrics files, by their paths in dvc.yaml, that hold what is published."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A published score and ours, None if no stage of ours computed it."""

    name: str
    published: float
    ours: float | None
    tolerance: float

    @property
    def passes(self) -> bool:
        """Whether the difference is within the tolerance; True if there is nothing to compare."""
        return self.ours is None or abs(self.ours - self.published) <= self.tolerance


def compare(run: Run, published: PublishedRuns, records: Mapping[str, Path]) -> list[Comparison]:
    """Every published score of a run beside ours.

    Args:
        run: of the paper.
        published: for the tolerances.
        records: metrics files of the run, by their paths in dvc.yaml.

    Raises:
        DataError: a metrics file is missing or damaged.
    """
    ours = measured(records)
    return [
        Comparison(name, score, ours.get(name), published.tolerance[name].around(score))
        for name, score in run.figures.items()
    ]


def measured(records: Mapping[str, Path]) -> dict[str, float | None]:
    """Our scores by the names of published.json; None if one was not requested or not possible.

    Raises:
        DataError: a metrics file is missing or damaged.
    """
    scores: dict[str, float | None] = {}
    if MEANS in records:
        model = EvaluateMeans.read(records[MEANS]).model
        scores |= {name: getattr(model, name) for name in ("psnr", "ssim", "lpips", "fid")}
    if PLAN in records:
        plan = plan_metrics.read(records[PLAN])
        rate = plan.planner.success_rate if isinstance(plan, PlanMetrics) else None
        scores["success_rate"] = rate
    if ACTIONS in records:
        actions = ActionMetrics.read(records[ACTIONS])
        for metric, errors in actions.published:
            scores |= {f"{metric}_{name}": error for name, error in errors}
        scores["embedding_rms"] = actions.embedding_rms
    return scores


def table(comparisons: list[Comparison], *, comparable: bool) -> Table:
    """The table to print; without verdicts if the episodes are not the published ones."""
    rows = Table("score", "published", "ours", "difference", "tolerance", "")
    for column in rows.columns[1:5]:
        column.justify = "right"
    for each in comparisons:
        cells = [each.name, f"{each.published:g}", "not computed", "", f"{each.tolerance:.3g}", ""]
        if each.ours is not None:
            cells[2:4] = f"{each.ours:.4g}", f"{each.ours - each.published:+.3g}"
            verdict = "inside" if each.passes else "OUTSIDE"
            cells[5] = verdict if comparable else "not comparable"
        rows.add_row(*cells)
    return rows
