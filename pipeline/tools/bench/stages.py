"""Time the stages of this build beside those of another one, as processes, on the same data."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from pipeline.checksum import sha256
from pipeline.errors import ParamsError
from pipeline.latents.metadata import METADATA
from pipeline.tools.bench.processes import (
    ARGUMENTS,
    LATENTS,
    RAW,
    ROOT,
    Usage,
    read_params,
    usage_of,
    write_params,
)
from pipeline.tools.bench.timing import TimeStats, speedup
from pipeline.tools.changes import changed
from pipeline.tools.workspaces.process import HOME

OURS, THEIRS = "this build", "the other one"
ALIKE = ("fit", "encode", "train", "evaluate", "denoisers", "objectives", "encoders")
"""Blocks of params.yaml whose values both builds take from this one, as far as both know them."""


class Job(NamedTuple):
    """A stage with an amount of work.

    Attributes:
        stage: its module.
        option: of params.yaml that says how much it does; none for all of the data.
        amounts: the least that it can do, which is its start-up, and what is timed beyond it.
        unit: what `option` counts.
    """

    stage: str
    option: str | None = None
    amounts: tuple[int, int] = (0, 0)
    unit: str = "frame"


JOBS = (
    Job("ingest"),
    Job("fit", "encoders.tiny_vae.steps", (2, 42), "step"),
    Job("encode"),
    Job("train", "train.steps", (2, 82), "step"),
    Job("evaluate", "evaluate.clips", (8, 40), "clip"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of both builds.

    Attributes:
        ours: of this build; CPU-seconds, or gigabytes of a peak.
        theirs: of the other one.
        ratio: ours / theirs, median over rounds.
    """

    ours: TimeStats
    theirs: TimeStats
    ratio: float


@dataclass(frozen=True, slots=True)
class Measured:
    """Usage of every round, by the name of a job and its amount, for each build."""

    rounds: dict[str, list[Usage]] = field(default_factory=dict)

    def add(self, name: str, usage: Usage) -> None:
        """Add that of a round."""
        self.rounds.setdefault(name, []).append(usage)

    def cpu(self, name: str) -> list[float]:
        """CPU-seconds of every round."""
        return [usage.cpu for usage in self.rounds[name]]

    def peak(self, name: str) -> list[float]:
        """Gigabytes at the peak of every round."""
        return [usage.peak / 1e9 for usage in self.rounds[name]]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Figures by name, and whether both builds have encoded the frames to the same bytes."""

    rows: dict[str, Row]
    same_latents: bool


def run(against: Path, episodes: int, rounds: int) -> Comparison:
    """Figures of simulated `episodes` of Wall; the builds take turns, one job each.

    Raises:
        ParamsError: there is no other build at `against`.
        DataError: a stage failed.
    """
    if not (against / "pipeline" / "train").is_dir():
        raise ParamsError(f"--against = {against}: no build of this pipeline; name its checkout")
    builds = {OURS: HOME, THEIRS: against.resolve()}
    with workspaces(builds, episodes) as folders:
        measured = {name: Measured() for name in builds}
        for _ in range(rounds):
            for job in JOBS:
                for amount in dict.fromkeys(job.amounts):
                    for name, build in builds.items():
                        usage = timed(job, amount, build, folders[name])
                        measured[name].add(f"{job.stage} {amount}", usage)
        same = same_arrays(*(folder / LATENTS for folder in folders.values()))
    return Comparison(rows(measured[OURS], measured[THEIRS]), same)


def same_arrays(one: Path, other: Path) -> bool:
    """Whether two stores hold the same bytes; their zarr.json, which name the codec, aside."""
    contents = [
        {
            file.relative_to(store): sha256(file)
            for file in store.rglob("*")
            if file.is_file() and file.name != METADATA
        }
        for store in (one, other)
    ]
    return contents[0] == contents[1]


@contextmanager
def workspaces(builds: Mapping[str, Path], episodes: int) -> Iterator[dict[str, Path]]:
    """A folder of each build, with its params.yaml and the same recorded episodes."""
    params = {name: read_params(build) for name, build in builds.items()}
    ours = params[OURS]
    ours["worlds"]["wall"]["episodes"] = episodes
    ours["train"]["validation"]["clips"] = 16  # few episodes have no more
    for block in ALIKE:
        params[THEIRS][block] = alike(params[THEIRS][block], ours[block])
    with TemporaryDirectory() as place:
        folders = {name: Path(place) / str(number) for number, name in enumerate(builds)}
        for name, folder in folders.items():
            params[name]["cluster"]["workers"] = 1
            (folder / "data" / "wall").mkdir(parents=True)
            write_params(folder, params[name])
        first, second = folders.values()
        usage_of(["pipeline.collect.locate", ROOT], builds[OURS], first)
        usage_of(["pipeline.collect", RAW], builds[OURS], first)
        for shared in (RAW, ROOT):
            (second / shared).symlink_to(first / shared)
        yield folders


def alike(theirs: Any, ours: Any) -> Any:
    """Values of params.yaml with ours in the place of theirs, for the keys that both have."""
    if not isinstance(theirs, dict) or not isinstance(ours, dict):
        return ours
    return {key: alike(value, ours.get(key, value)) for key, value in theirs.items()}


def timed(job: Job, amount: int, build: Path, folder: Path) -> Usage:
    """Run a job of some amount by a build."""
    if job.option is not None:
        params = read_params(folder)
        own = {job.option: amount}
        write_params(folder, changed(params, own, folder / "params.yaml"))
    return usage_of([f"pipeline.{job.stage}", *ARGUMENTS[job.stage]], build, folder)


def rows(ours: Measured, theirs: Measured) -> dict[str, Row]:
    """CPU-seconds of start-up and of a unit of work, and peaks in GB, by name."""
    table: dict[str, Row] = {}
    for job in JOBS:
        least, most = (f"{job.stage} {amount}" for amount in job.amounts)
        whole = [each.cpu(most) for each in (ours, theirs)]
        if job.option is None:
            table[f"{job.stage}: all frames, CPU-s"] = _row(*whole)
        else:
            start = [each.cpu(least) for each in (ours, theirs)]
            units = job.amounts[1] - job.amounts[0]
            beyond = [
                [(long - short) / units for short, long in zip(*pair, strict=True)]
                for pair in zip(start, whole, strict=True)
            ]
            table[f"{job.stage}: {job.amounts[0]} {job.unit}s, CPU-s"] = _row(*start)
            table[f"{job.stage}: a {job.unit}, CPU-s"] = _row(*beyond)
        table[f"{job.stage}: peak, GB"] = _row(ours.peak(most), theirs.peak(most))
    return table


def _row(ours: list[float], theirs: list[float]) -> Row:
    return Row(TimeStats.of(ours), TimeStats.of(theirs), speedup(ours, theirs))
