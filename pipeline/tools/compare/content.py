"""What a run has measured: metrics, curves and clips; what it lacks is said, not an error."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import ConfigDict

from pipeline.arguments import PARAMS
from pipeline.errors import UserError
from pipeline.files.content import parsing
from pipeline.files.npy import Numbers, read_npz
from pipeline.metrics.schema import Row
from pipeline.metrics.schema import plan as plan_metrics
from pipeline.metrics.schema.encode import EncodeMetrics
from pipeline.metrics.schema.evaluate import EvaluateMetrics
from pipeline.metrics.schema.fit import FitMetrics
from pipeline.metrics.schema.plan import PlanMetrics
from pipeline.metrics.schema.seconds import StageSeconds
from pipeline.metrics.schema.train import CurveRow, TrainMetrics
from pipeline.report.films import FILMS
from pipeline.report.page import DREAMS
from pipeline.tools.compare.runs import Run, flat

Read = TypeVar("Read")


class ValidationRow(Row):
    """One validation; its errors by noise level are left out."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    stage: ClassVar[str] = "train"

    step: int
    loss: float


@dataclass(slots=True)
class Content:
    """What is known of a run; None where it is absent.

    Attributes:
        name: of the run.
        params: dotted keys and values: all but the blocks of members that are not chosen.
        notes: what is missing or damaged, one line each.
        seconds: by stage.
        dreams: `truth` and `prediction`, as evaluate writes them.
        films: `frames`, `lengths`, `goals` and `success`, as plan writes them.
    """

    name: str
    params: Mapping[str, Any]
    notes: list[str] = field(default_factory=list)
    fit: FitMetrics | None = None
    encode: EncodeMetrics | None = None
    train: TrainMetrics | None = None
    evaluate: EvaluateMetrics | None = None
    plan: PlanMetrics | None = None
    seconds: dict[str, StageSeconds] = field(default_factory=dict)
    curve: list[CurveRow] | None = None
    validation: list[ValidationRow] | None = None
    dreams: dict[str, Numbers] | None = None
    films: dict[str, Numbers] | None = None


def read(run: Run) -> Content:
    """Read all that is there."""
    with parsing(f"{run.name}: {PARAMS}", "correct it, or compare another run"):
        content = Content(run.name, chosen_params(run.params))

    content.notes += [f"{run.name}: {line}; its metrics are of that run" for line in run.stale]

    def get(stage: str, parameter: str, reader: Callable[[Path], Read]) -> Read | None:
        path = run.paths.get((stage, parameter))
        if path is None:
            content.notes.append(f"{run.name}: its dvc.yaml names no {parameter} of {stage}")
            return None
        if path in run.absent:
            place = path.relative_to(run.folder)
            content.notes.append(f"{run.name}: {place} {run.absent[path]}")
            return None
        try:
            return reader(path)
        except UserError as error:
            content.notes.append(str(error).replace(str(run.folder), run.name))
            return None

    content.fit = get("fit", "metrics", FitMetrics.read)
    content.encode = get("encode", "metrics", EncodeMetrics.read)
    content.train = get("train", "metrics", TrainMetrics.read)
    content.evaluate = get("evaluate", "metrics", EvaluateMetrics.read)
    planned = get("plan", "metrics", plan_metrics.read)
    if isinstance(planned, PlanMetrics):
        content.plan = planned
    elif planned is not None:
        content.notes.append(f"{run.name}: nothing was planned: {planned.skipped}")
    content.curve = get("train", "curve", CurveRow.read)
    content.validation = get("train", "validation", ValidationRow.read)
    content.dreams = get("evaluate", "dreams", _dreams)
    content.films = get("plan", "films", _films) if content.plan is not None else None
    for stage in ("fit", "encode", "train", "evaluate", "plan"):
        seconds = get(stage, "seconds", StageSeconds.read)
        if seconds is not None:
            content.seconds[stage] = seconds
    return content


def chosen_params(values: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted keys and values of a params.yaml, without the blocks of members not chosen."""
    dataset = values.get("datasets", {}).get(values.get("dataset"), {})
    chosen = {
        value for block in (values, dataset) for value in block.values() if isinstance(value, str)
    }
    kept: dict[str, Any] = {}
    for key, block in values.items():
        family = isinstance(block, dict) and all(isinstance(b, dict) for b in block.values())
        kept[key] = {n: block[n] for n in block if n in chosen} if family else block
    return flat(kept)


def _dreams(path: Path) -> dict[str, Numbers]:
    return read_npz(path, "evaluate again", dict.fromkeys(("truth", "prediction"), DREAMS))


def _films(path: Path) -> dict[str, Numbers]:
    return read_npz(path, "plan again", FILMS)
