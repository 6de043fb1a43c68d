"""CSV files as rows of pydantic models."""

import csv
import io
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from pipeline.files.content import parsing, read_text, reason

ModelT = TypeVar("ModelT", bound=BaseModel)
LARGEST = 2**26
"""Bytes of the largest table: a million rows."""


def read_csv(path: Path, model: type[ModelT], way_out: str, what: str = "damaged") -> list[ModelT]:
    """All rows of a CSV file, whose header has the fields' names or aliases.

    Args:
        path: the file.
        model: what a row holds.
        way_out: what to do if it is missing or damaged.
        what: what is wrong with it then, in a word or two.

    Raises:
        DataError: it is missing or no text, has no rows, or rows of something else.
    """
    text = read_text(path, way_out, LARGEST)
    with parsing(path, way_out, what):
        lines = csv.reader(io.StringIO(text, newline=""), strict=True)
        header = next(lines, [])
        rows = [_row(header, cells, model, lines.line_num) for cells in lines if cells]
        if not rows:
            raise ValueError("no rows")
        return rows


def _row(header: list[str], cells: list[str], model: type[ModelT], line: int) -> ModelT:
    if len(cells) != len(header):
        raise ValueError(f"line {line} has {len(cells)} cells, the header {len(header)}")
    try:
        return model.model_validate(dict(zip(header, cells, strict=True)))
    except ValidationError as error:
        raise ValueError(f"line {line}: {reason(error)}") from None
