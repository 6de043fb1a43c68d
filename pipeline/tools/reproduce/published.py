"""published.json: what the paper's runs are in terms of params.yaml, and what came of them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.errors import DataError, ParamsError, did_you_mean

MERGED = ("overrides", "figures")
"""What an entry adds to its base's; it replaces the rest, and notes follow one another."""


class Part(BaseModel):
    """A piece of published.json."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Tolerance(Part):
    """How far from a figure a reproduction may end."""

    absolute: float = Field(ge=0)
    relative: float = Field(ge=0, description="share of the published figure, added to it")

    def around(self, figure: float) -> float:
        """The largest difference from a published figure."""
        return self.absolute + self.relative * abs(figure)


class Data(Part):
    """What a published data set holds; see docs/get-the-data.md."""

    frames: int = Field(gt=0)
    action_dim: int = Field(gt=0, description="of one environment step")


class Latent(Part):
    """What is kept of a frame."""

    shape: tuple[int, int, int]
    arrays: int = Field(gt=0, description="2 for a posterior's mean and spread")


class Run(Part):
    """One run of the paper."""

    place: str = Field(description="where the paper or its repository reports it")
    aliases: list[str] = Field(description="other names, of an arm that several ablations share")
    until: str = Field(description="last stage of dvc.yaml that it needs")
    gpus: int = Field(gt=0)
    per_gpu: int = Field(gt=0, description="clips of a step on each GPU")
    checkpoint: str | None = Field(description="its id on the Hugging Face hub")
    latent: Latent
    overrides: dict[str, Any] = Field(description="dotted keys of params.yaml")
    figures: dict[str, float]
    note: str

    @property
    def changes(self) -> dict[str, Any]:
        """All that it changes in params.yaml, by dotted key."""
        return {**self.overrides, "train.batch": self.gpus * self.per_gpu}

    @property
    def dataset(self) -> str:
        """The data set that it is about."""
        return str(self.overrides["dataset"])


class Published(Part):
    """All of published.json."""

    paper: str
    tolerance: dict[str, Tolerance]
    data: dict[str, Data]
    runs: dict[str, Run]

    def named(self, name: str) -> str:
        """The name in `runs` of the run that is called so there, or by an alias.

        Raises:
            ParamsError: there is none.
        """
        known = {alias: run for run, one in self.runs.items() for alias in (run, *one.aliases)}
        if name not in known:
            raise ParamsError(f"{name!r} is no published run; {did_you_mean(name, known)}")
        return known[name]


def read(path: Path) -> Published:
    """Parse published.json and resolve what its entries extend.

    Raises:
        DataError: it is missing, damaged, or an entry of it lacks something.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file; run from the folder that holds published.json")
    try:
        values = json.loads(path.read_text())
        bases = values.pop("bases")
        values["runs"] = {name: _resolved(run, bases) for name, run in values["runs"].items()}
        return Published.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise DataError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except (ValueError, KeyError) as error:
        raise DataError(f"{path}: damaged ({error!r}); `git checkout {path}`") from None


def _resolved(entry: Mapping[str, Any], bases: Mapping[str, Any]) -> dict[str, Any]:
    """An entry with all that its bases say, and it does not."""
    if "extends" not in entry:
        return dict(entry)
    base = _resolved(bases[entry["extends"]], bases)
    merged = {key: base.get(key, {}) | entry.get(key, {}) for key in MERGED}
    notes = " ".join(part["note"] for part in (base, entry) if "note" in part)
    own = {key: value for key, value in entry.items() if key != "extends"}
    return {**base, **own, **merged, "note": notes}
