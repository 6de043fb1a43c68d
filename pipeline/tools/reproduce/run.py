"""One run of the paper, from its data to a verdict."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.evaluate import Options as EvaluateOptions
from pipeline.metrics import perceptual
from pipeline.tools.dvc_yaml import DVC_YAML
from pipeline.tools.dvc_yaml.read import stages
from pipeline.tools.reproduce import checkpoint, comparison, experiment
from pipeline.tools.reproduce.preset import check_episodes, merged, with_data
from pipeline.tools.reproduce.published import PublishedRuns, Run
from pipeline.tools.tables import show

MEASURING = ("evaluate", "plan")
"""Stages whose metrics are published."""
SIMULATED = "SIMULATED EPISODES: the scores below are not comparable with the published ones"


@dataclass(frozen=True, slots=True)
class Request:
    """The options of `wm reproduce`, as its --help explains them."""

    params: Path
    root: Path | None
    simulated: bool
    checkpoint: str | None


def reproduce(published: PublishedRuns, name: str, request: Request) -> bool:
    """Train and evaluate a run, or evaluate a checkpoint of it; print its scores and the paper's.

    Returns:
        Whether every score that can be compared is within its tolerance.

    Raises:
        UserError: the request cannot be carried out; nothing has run then.
    """
    name = published.resolve(name)
    run = published.runs[name]
    changes = with_data(run, request.params, request.root, simulated=request.simulated)
    settings = merged(request.params, changes)
    check_episodes(settings)
    perceptual.prepare(settings.section("evaluate", EvaluateOptions).perceptual)
    print(f"reproduce: {name}, {run.place} of {published.paper}\nreproduce: {run.note}", flush=True)
    if request.simulated:
        print(f"reproduce: {SIMULATED}", flush=True)
    if request.checkpoint is None:
        experiment.run(name, run.until, changes)
        records = {path: Path(path) for path in recorded(run, settings.values)}
    else:
        model = checkpoint.resolve(name, run, request.checkpoint)
        experiment.run(f"{name}-latents", "encode", changes)
        records = checkpoint.evaluate(name, model, settings.values)
    compared = comparison.compare(run, published, records)
    show(comparison.table(compared, comparable=not request.simulated))
    if request.simulated:
        print(f"reproduce: {SIMULATED}")
    return request.simulated or all(each.passes for each in compared)


def measuring(run: Run) -> tuple[str, ...]:
    """Stages that measure what is published of a run."""
    return MEASURING[: MEASURING.index(run.until) + 1]


def recorded(run: Run, values: Mapping[str, Any]) -> list[str]:
    """Metrics and plots of the run's measuring stages, by their paths in dvc.yaml."""
    parsed = stages(DVC_YAML)
    return [path for name in measuring(run) for path in parsed[name].filled(values).records]
