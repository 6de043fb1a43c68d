"""One run of the paper from its data to a verdict."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.evaluate import Options as Evaluate
from pipeline.metrics import perceptual
from pipeline.params import Settings
from pipeline.tools.reproduce import experiment, figures, judged, stages
from pipeline.tools.reproduce.preset import check_episodes, merged, with_data
from pipeline.tools.reproduce.published import Published, Run
from pipeline.tools.tables import show

RECORDING = ("evaluate", "plan")
"""Stages that measure what is published."""
SIMULATED = "SIMULATED EPISODES: figures below cannot be compared with the published ones"


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a run is to be reproduced; see `wm reproduce --help`."""

    params: Path
    root: Path | None
    simulated: bool
    checkpoint: str | None


def reproduce(published: Published, name: str, wanted: Wanted) -> bool:
    """Train and score a run, or score a checkpoint of it; print both sides.

    Returns:
        Whether every figure that could be compared is inside its tolerance.

    Raises:
        UserError: what is asked for cannot be run; nothing has run then.
    """
    name = published.named(name)
    run = published.runs[name]
    changes = with_data(run, wanted.params, wanted.root, simulated=wanted.simulated)
    settings = merged(wanted.params, changes)
    check_episodes(settings)
    perceptual.ready(settings.section("evaluate", Evaluate).perceptual)
    print(f"reproduce: {name}, {run.place} of {published.paper}\nreproduce: {run.note}", flush=True)
    if wanted.simulated:
        print(f"reproduce: {SIMULATED}", flush=True)
    if wanted.checkpoint is None:
        experiment.run(name, run.until, changes)
        records = recorded(run, settings)
    else:
        model = judged.located(name, run, wanted.checkpoint)
        experiment.run(f"{name}-latents", "encode", changes)
        records = judged.judge(name, model, settings.values)
    compared = figures.compare(run, published, records)
    show(figures.table(compared, comparable=not wanted.simulated))
    if wanted.simulated:
        print(f"reproduce: {SIMULATED}")
    return wanted.simulated or all(each.holds for each in compared)


def recorded(run: Run, settings: Settings) -> Mapping[str, Path]:
    """Where what the run's measuring stages record lies: where dvc.yaml says."""
    measured = RECORDING[: RECORDING.index(run.until) + 1]
    parts = [stages.read(name, settings.values).records for name in measured]
    return {path: Path(path) for part in parts for path in part}
