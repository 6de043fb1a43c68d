"""The files of metrics/ and plots/ as types, which the stage that writes one and its readers share.

Each stage's metrics have a module of their own, so that DVC runs again only what reads or writes
what has changed.
"""

import csv
from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline import stage
from pipeline.errors import DataError

DecoderKind = Literal["own", "fitted"]
"""What decoded the pixels that are scored: the encoder's own decoder, or a probe fitted to it."""


class Record(BaseModel):
    """Metrics, or a part of them; fields stand in the order in which they are written."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Metrics(Record):
    """One JSON file of metrics. An optional field is written only if it is set."""

    stage: ClassVar[str]
    """The stage of dvc.yaml that writes it."""

    @classmethod
    def read(cls, path: Path, way_out: str | None = None) -> Self:
        """Read a file that `write` wrote.

        Args:
            path: the JSON file.
            way_out: what to do if it is missing or damaged; by default, to run the stage again.

        Raises:
            DataError: it is missing, or does not hold these metrics.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            way_out = way_out or f"run `dvc repro {cls.stage}` to make it"
            raise DataError(f"{path}: no such file; {way_out}") from None
        except ValidationError as error:
            way_out = way_out or f"make it again: `dvc repro -f {cls.stage}`"
            raise DataError(
                f"{path}: not the metrics of {cls.stage} ({_first(error)}); {way_out}"
            ) from None

    def write(self, path: Path) -> None:
        """Write the fields that are set as JSON, the same bytes for the same values.

        Raises:
            DataError: a number is NaN or infinite.
        """
        stage.write_json(path, self.model_dump(exclude_unset=True))


class Row(Record):
    """One row of a CSV file, whose header has the fields' names, or their aliases, in order."""

    stage: ClassVar[str]
    """The stage of dvc.yaml that writes the file."""

    @classmethod
    def columns(cls) -> list[str]:
        """The header."""
        return [field.alias or name for name, field in cls.model_fields.items()]

    @classmethod
    def read(cls, path: Path) -> list[Self]:
        """All rows of a file.

        Raises:
            DataError: it is missing, empty, or has other columns or cells.
        """
        try:
            with path.open(newline="") as file:
                rows = [cls.model_validate(row) for row in csv.DictReader(file)]
        except FileNotFoundError:
            raise DataError(
                f"{path}: no such file; run `dvc repro {cls.stage}` to make it"
            ) from None
        except ValidationError as error:
            reason = _first(error)
        else:
            if rows:
                return rows
            reason = "no rows"
        raise DataError(
            f"{path}: not a table of {cls.stage} ({reason}); make it again: "
            f"`dvc repro -f {cls.stage}`"
        )


def _first(error: ValidationError) -> str:
    """The first mistake: its key, if it has one, and what is wrong with it."""
    first = error.errors()[0]
    return ": ".join(filter(None, [".".join(map(str, first["loc"])), first["msg"]]))
