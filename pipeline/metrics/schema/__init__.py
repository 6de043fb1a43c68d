"""The files of metrics/ and plots/ as types, which the stage that writes one and its readers share.

Each stage's metrics have a module of their own, so that DVC runs again only what reads or writes
what has changed.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from pipeline import stage
from pipeline.errors import DataError
from pipeline.files.content import parsing, read_bytes
from pipeline.files.csv_rows import read_csv
from pipeline.files.json_model import read_json

DecoderKind = Literal["own", "fitted"]
"""What decoded the pixels that are scored: the encoder's own decoder, or a probe fitted to it."""

Count = Annotated[int, Field(ge=0, le=2**53)]
Line = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]*$")]
"""Text that the report can show."""
Share = Annotated[float, Field(ge=0, le=1)]
LARGEST = 2.0**127
"""Of measured numbers, which are computed in float32."""
MAKE, AGAIN = "run `dvc repro {}`", "`dvc repro -f {}`"


class Record(BaseModel):
    """Metrics, or a part of them; fields stand in the order in which they are written.

    A number may be NaN or infinite until it is written or read, which say so in words of their own.
    """

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
        if not path.exists():
            make = f"{MAKE.format(cls.stage)} to make it"
            raise DataError(f"{path}: no such file; {way_out or make}")
        way_out = way_out or f"make it again: {AGAIN.format(cls.stage)}"
        what = f"not the metrics of {cls.stage}"
        metrics = read_json(path, cls, way_out, what)
        with parsing(path, way_out, what):
            _require_numbers(metrics.model_dump())
        return metrics

    def write(self, path: Path) -> None:
        """Write the fields that are set as JSON, the same bytes for the same values.

        Raises:
            DataError: a number is NaN or infinite.
        """
        stage.write_json(path, self.model_dump(exclude_unset=True))


WholeT = TypeVar("WholeT", bound=Metrics)
SkippedT = TypeVar("SkippedT", bound=Metrics)


def read_either(path: Path, whole: type[WholeT], skipped: type[SkippedT]) -> WholeT | SkippedT:
    """Read the metrics of a stage that may have been skipped, and says why in `skipped`.

    Raises:
        DataError: the file is missing or damaged.
    """
    again = f"make it again: {AGAIN.format(whole.stage)}"
    if path.exists() and b'"skipped"' in read_bytes(path, again):
        return skipped.read(path)
    return whole.read(path)


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
        if not path.exists():
            raise DataError(f"{path}: no such file; {MAKE.format(cls.stage)} to make it")
        way_out, what = f"make it again: {AGAIN.format(cls.stage)}", f"not a table of {cls.stage}"
        rows = read_csv(path, cls, way_out, what)
        with parsing(path, way_out, what):
            for number, row in enumerate(rows, 1):
                _require_numbers(row.model_dump(), f"row {number}: ")
        return rows


def _require_numbers(values: Mapping[str, Any] | Sequence[Any], place: str = "") -> None:
    """Raise ValueError at the first number that no stage writes, nor float32 can hold."""
    pairs = values.items() if isinstance(values, Mapping) else enumerate(values)
    for key, value in pairs:
        if isinstance(value, Mapping | list | tuple):
            _require_numbers(value, f"{place}{key}.")
        elif isinstance(value, int | float) and not abs(value) <= LARGEST:
            raise ValueError(f"{place}{key} = {value:.3g} is no measurement")
