"""How what stages take grows with the data set: ten times the episodes, all else alike."""

from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

from pipeline.tools.bench.processes import (
    ARGUMENTS,
    ROOT,
    Usage,
    read_params,
    usage_of,
    write_params,
)
from pipeline.tools.changes import changed
from pipeline.tools.workspaces.process import HOME

FACTOR = 10


class Job(NamedTuple):
    """A stage.

    Attributes:
        stage: its module.
        fixed: what it does however many episodes there are; empty where it passes through all.
    """

    stage: str
    fixed: str = ""


JOBS = (
    Job("collect"),
    Job("ingest"),
    Job("fit", "4 steps"),
    Job("encode"),
    Job("probe", "20 steps"),
    Job("train", "4 steps and a validation"),
    Job("evaluate", "8 clips"),
    Job("plan", "2 goals"),
)
FIXED = {
    "encoders.tiny_vae.steps": 4,
    "probe.readout.steps": 20,
    "train.steps": 4,
    "train.validation.clips": 16,
    "evaluate.clips": 8,
    "plan.goals.count": 2,
    "plan.simulator": [],
    "cluster.workers": 1,
}
"""Options that say how much the stages do."""


@dataclass(frozen=True, slots=True)
class Growth:
    """What a stage takes of the small set and of the large one, medians over rounds.

    Attributes:
        fixed: what it does of both; empty where it passes through all episodes.
        cpu: CPU-seconds, start-up included.
        peak: gigabytes.
        times: CPU-seconds of the large set over those of the small one.
    """

    fixed: str
    cpu: tuple[float, float]
    peak: tuple[float, float]
    times: float


def run(episodes: int, rounds: int) -> dict[str, Growth]:
    """Run every stage on `episodes` of Wall and on FACTOR times as many, by turns.

    Raises:
        DataError: a stage failed.
    """
    used: dict[tuple[str, int], list[Usage]] = {}
    with TemporaryDirectory() as place:
        folders = {number: _workspace(Path(place), number) for number in _sizes(episodes)}
        for _ in range(rounds):
            for job in JOBS:
                words = [f"pipeline.{job.stage}", *ARGUMENTS[job.stage]]
                for number, folder in folders.items():
                    usage = usage_of(words, HOME, folder)
                    used.setdefault((job.stage, number), []).append(usage)
    small, large = _sizes(episodes)
    return {
        job.stage: growth(job.fixed, used[job.stage, small], used[job.stage, large]) for job in JOBS
    }


def growth(fixed: str, small: list[Usage], large: list[Usage]) -> Growth:
    """Of the usages of every round."""
    cpu = [median(usage.cpu for usage in each) for each in (small, large)]
    peak = [median(usage.peak for usage in each) / 1e9 for each in (small, large)]
    return Growth(
        fixed,
        (round(cpu[0], 3), round(cpu[1], 3)),
        (round(peak[0], 3), round(peak[1], 3)),
        round(median(b.cpu / a.cpu for a, b in zip(small, large, strict=True)), 3),
    )


def _sizes(episodes: int) -> tuple[int, int]:
    return episodes, FACTOR * episodes


def _workspace(place: Path, episodes: int) -> Path:
    """A folder with the params.yaml of a set of that many episodes."""
    folder = place / str(episodes)
    (folder / "data" / "wall").mkdir(parents=True)
    own = {**FIXED, "worlds.wall.episodes": episodes}
    write_params(folder, changed(read_params(HOME), own, HOME / "params.yaml"))
    usage_of(["pipeline.collect.locate", ROOT], HOME, folder)
    return folder
