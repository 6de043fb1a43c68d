"""JSON files as pydantic models."""

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

from pipeline.files.content import parsing, read_bytes

ModelT = TypeVar("ModelT", bound=BaseModel)


class FileModel(BaseModel):
    """What a file holds, or a part of it: frozen, and every number in it is finite."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


def read_json(path: Path, model: type[ModelT], way_out: str, what: str = "damaged") -> ModelT:
    """The content of a JSON file, as strictly as JSON can tell: true is no number, nor is "1".

    Args:
        path: the file.
        model: what it should hold.
        way_out: what to do if it is missing or damaged.
        what: what is wrong with it then, in a word or two.

    Raises:
        DataError: it is missing, no JSON, nested too deeply, or holds something else.
    """
    return parse_json(read_bytes(path, way_out), model, path, way_out, what)


def parse_json(
    content: bytes | str,
    model: type[ModelT],
    place: Path | str,
    way_out: str,
    what: str = "damaged",
) -> ModelT:
    """The same for JSON within a file, at a place that errors name."""
    with parsing(place, way_out, what):
        return model.model_validate_json(content, strict=True)
