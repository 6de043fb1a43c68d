"""published.json: the paper's runs as changes to params.yaml, and their published scores."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.errors import DataError, ParamsError, did_you_mean

MERGED = ("overrides", "figures")
"""Keys that an entry merges with its base's; it replaces all others, and notes are joined."""


class Entry(BaseModel):
    """A part of published.json."""

    model_config = ConfigDict(frozen=True, extra="forbid")


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
    checkpoint: str | None = Field(description="id on the Hugging Face hub")
    latent: Latent
    network: Network = Field(description="counted once: torch takes a second for each")
    overrides: dict[str, Any] = Field(description="dotted keys of params.yaml")
    figures: dict[str, float]
    note: str

    @property
    def changes(self) -> dict[str, Any]:
        """All its changes to params.yaml, by dotted key."""
        return {**self.overrides, "train.batch": self.gpus * self.per_gpu}

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

    def resolve(self, name: str) -> str:
        """The key in `runs` of a run, from this key or one of its aliases.

        Raises:
            ParamsError: there is none.
        """
        known = {alias: run for run, one in self.runs.items() for alias in (run, *one.aliases)}
        if name not in known:
            raise ParamsError(f"{name!r} is not a run of the paper; {did_you_mean(name, known)}")
        return known[name]


def read(path: Path) -> PublishedRuns:
    """Parse published.json and merge its entries with the bases that they extend.

    Raises:
        DataError: it is missing or damaged.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file; run from the folder that holds published.json")
    try:
        values = json.loads(path.read_text())
        bases = values.pop("bases")
        values["runs"] = {name: _merged(run, bases) for name, run in values["runs"].items()}
        return PublishedRuns.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise DataError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except (ValueError, KeyError) as error:
        raise DataError(f"{path}: damaged ({error!r}); `git checkout {path}`") from None


def _merged(entry: Mapping[str, Any], bases: Mapping[str, Any]) -> dict[str, Any]:
    """An entry merged with its base, and with the bases of that."""
    if "extends" not in entry:
        return dict(entry)
    base = _merged(bases[entry["extends"]], bases)
    merged = {key: base.get(key, {}) | entry.get(key, {}) for key in MERGED}
    notes = " ".join(part["note"] for part in (base, entry) if "note" in part)
    own = {key: value for key, value in entry.items() if key != "extends"}
    return {**base, **own, **merged, "note": notes}
