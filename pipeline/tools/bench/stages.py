"""Time the stages of this build beside those of another one, as processes, on the same data."""

import json
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
        amounts: two values of it; what the second one takes beyond the first is timed.
        unit: of work.
        counted: file that says under `frames` how many units were done; None: `option` says it.
    """

    stage: str
    option: str | None = None
    amounts: tuple[int, int] = (0, 0)
    unit: str = "frame"
    counted: str | None = None


JOBS = (
    Job("ingest"),
    Job("fit", "encoders.tiny_vae.steps", (2, 42), "step"),
    Job("encode", "encode.stride", (5, 1), counted="encode.json"),
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
    """Usage of every round of a build, and units of work, by the name of a job and its amount."""

    rounds: dict[str, list[Usage]] = field(default_factory=dict)
    units: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, usage: Usage) -> None:
        """Add that of a round."""
        self.rounds.setdefault(name, []).append(usage)

    def cpu(self, name: str) -> list[float]:
        """CPU-seconds of every round."""
        return [usage.cpu for usage in self.rounds[name]]

    def beyond(self, least: str, most: str) -> list[float]:
        """CPU-seconds of a unit of work of every round, from two amounts."""
        units = self.units[most] - self.units[least]
        pairs = zip(self.cpu(least), self.cpu(most), strict=True)
        return [(long - short) / units for short, long in pairs]

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
                        units = units_of(job, amount, folders[name])
                        measured[name].units[f"{job.stage} {amount}"] = units
                if job.option is not None:
                    for name, build in builds.items():
                        usage = started(job, build, folders[name])
                        measured[name].add(f"{job.stage} starts", usage)
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


def units_of(job: Job, amount: int, folder: Path) -> int:
    """Units of work that a job of some amount was."""
    if job.counted is None:
        return amount
    return int(json.loads((folder / job.counted).read_text())["frames"])


def started(job: Job, build: Path, folder: Path) -> Usage:
    """Run a job until its network begins to compute; what it made before stays as it is."""
    return usage_of([f"pipeline.{job.stage}", *ARGUMENTS[job.stage]], build, folder, starts=True)


def rows(ours: Measured, theirs: Measured) -> dict[str, Row]:
    """CPU-seconds until networks compute and of a unit of work, and peaks in GB, by name."""
    table: dict[str, Row] = {}
    for job in JOBS:
        least, most = (f"{job.stage} {amount}" for amount in job.amounts)
        whole = [each.cpu(most) for each in (ours, theirs)]
        if job.option is None:
            table[f"{job.stage}: all frames, CPU-s"] = _row(*whole)
        else:
            beyond = [each.beyond(least, most) for each in (ours, theirs)]
            starts = [each.cpu(f"{job.stage} starts") for each in (ours, theirs)]
            table[f"{job.stage}: until its network computes, CPU-s"] = _row(*starts)
            table[f"{job.stage}: a {job.unit}, CPU-s"] = _row(*beyond)
        table[f"{job.stage}: peak, GB"] = _row(ours.peak(most), theirs.peak(most))
    return table


def _row(ours: list[float], theirs: list[float]) -> Row:
    return Row(TimeStats.of(ours), TimeStats.of(theirs), speedup(ours, theirs))
