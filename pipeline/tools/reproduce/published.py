"""published.json: the paper's runs as changes to params.yaml, and their published scores."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import ConfigDict, Field, model_validator

from pipeline.errors import DataError, ParamsError, did_you_mean
from pipeline.files.content import parsing
from pipeline.files.json_model import FileModel, read_json
from pipeline.tools.protocols import PROTOCOLS, changes_of

MERGED = ("overrides", "figures")
"""Keys that an entry merges with its base's; it replaces all others, and notes are joined."""


class Entry(FileModel):
    """A part of published.json."""

    model_config = ConfigDict(extra="forbid")


class Tolerance(Entry):
    """Largest accepted difference from a published score."""

    absolute: float = Field(ge=0)
    relative: float = Field(ge=0, description="share of the published score, added to `absolute`")

    def around(self, score: float) -> float:
        """The tolerance of a published score."""
        return self.absolute + self.relative * abs(score)


class Data(Entry):
    """Size of a published data set."""

    frames: int = Field(gt=0)
    action_dim: int = Field(gt=0, description="of one environment step")


class Latent(Entry):
    """Latents of one frame in the cache."""

    shape: tuple[int, int, int]
    arrays: int = Field(gt=0, description="2 for a posterior's mean and std")


class Network(Entry):
    """Cost of a run's denoiser on windows of the published data set; see `train.memory.cost`."""

    parameters: int = Field(gt=0)
    forward_flops: int = Field(gt=0, description="of one clip, 2 per multiply-add")


class Run(Entry):
    """One run of the paper."""

    place: str = Field(description="where the paper or its repository reports it")
    aliases: list[str] = Field(
        description="other names of a run that is an arm of several ablations"
    )
    until: str = Field(description="last stage of dvc.yaml to run")
    gpus: int = Field(gt=0)
    per_gpu: int = Field(gt=0, description="batch size on each GPU")
    protocol: str | None = Field(default=None, description="of `wm protocols`, of its planning")
    checkpoint: str | None = Field(description="id on the Hugging Face hub")
    latent: Latent
    network: Network = Field(description="counted once: torch takes a second for each")
    overrides: dict[str, Any] = Field(description="dotted keys of params.yaml")
    figures: dict[str, float]
    note: str

    @property
    def changes(self) -> dict[str, Any]:
        """All its changes to params.yaml, by dotted key."""
        planning = {} if self.protocol is None else changes_of(self.protocol)
        return {**planning, **self.overrides, "train.batch": self.gpus * self.per_gpu}

    @property
    def dataset(self) -> str:
        """Name of its data set."""
        return str(self.overrides["dataset"])


class PublishedRuns(Entry):
    """All of published.json."""

    paper: str
    tolerance: dict[str, Tolerance]
    data: dict[str, Data]
    runs: dict[str, Run]

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        for name, run in self.runs.items():
            if run.protocol is not None and run.protocol not in PROTOCOLS:
                known = did_you_mean(run.protocol, PROTOCOLS)
                raise ValueError(f"runs.{name}: protocol = {run.protocol!r} is unknown; {known}")
            dataset = run.overrides.get("dataset")
            if dataset not in list(self.data):
                raise ValueError(
                    f"runs.{name}: overrides.dataset = {dataset!r} has no entry in data"
                )
            if unknown := run.figures.keys() - self.tolerance.keys():
                raise ValueError(f"runs.{name}: no tolerance for {', '.join(sorted(unknown))}")
        return self

    def resolve(self, name: str) -> str:
        """The key in `runs` of a run, from this key or one of its aliases.

        Raises:
            ParamsError: there is none.
        """
        known = {alias: run for run, one in self.runs.items() for alias in (run, *one.aliases)}
        if name not in known:
            raise ParamsError(f"{name!r} is not a run of the paper; {did_you_mean(name, known)}")
        return known[name]


class Sources(Entry):
    """All of published.json as it stands there: a run may extend a base, and a base another."""

    paper: str
    tolerance: dict[str, Tolerance]
    data: dict[str, Data]
    bases: dict[str, dict[str, Any]]
    runs: dict[str, dict[str, Any]]


def read(path: Path) -> PublishedRuns:
    """Parse published.json and merge its entries with the bases that they extend.

    Raises:
        DataError: it is missing or damaged.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file; run from the folder that holds published.json")
    way_out = f"restore it with `git checkout {path}`"
    sources = read_json(path, Sources, way_out)
    with parsing(path, way_out):
        runs = {name: _merged(run, sources.bases) for name, run in sources.runs.items()}
        values = {**sources.model_dump(exclude={"bases"}), "runs": runs}
        return PublishedRuns.model_validate_json(json.dumps(values), strict=True)


def _merged(
    entry: Mapping[str, Any], bases: Mapping[str, Mapping[str, Any]], seen: tuple[str, ...] = ()
) -> dict[str, Any]:
    """An entry merged with its base, and with the bases of that; `seen` are those on the way."""
    if "extends" not in entry:
        return dict(entry)
    name = entry["extends"]
    if name not in bases or name in seen:
        problem = "extends itself" if name in seen else f"is no base; {did_you_mean(name, bases)}"
        raise ValueError(f"extends = {name!r}: {problem}")
    base = _merged(bases[name], bases, (*seen, name))
    merged = {key: base.get(key, {}) | entry.get(key, {}) for key in MERGED}
    notes = " ".join(part["note"] for part in (base, entry) if "note" in part)
    own = {key: value for key, value in entry.items() if key != "extends"}
    return {**base, **own, **merged, "note": notes}
