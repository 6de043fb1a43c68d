"""JSON files that outlive the code that wrote them: migrated, or refused with the version of it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, PositiveInt

from pipeline import __version__
from pipeline.errors import DataError
from pipeline.files.content import parsing, read_bytes
from pipeline.files.json_model import FileModel, parse_json

ModelT = TypeVar("ModelT", bound=BaseModel)
Migration = Callable[[dict[str, Any]], dict[str, Any]]
"""Turns the values of one version of a format into those of the next."""


class Header(FileModel):
    """What a file says of itself; one without says nothing, and has version 1."""

    format_version: PositiveInt = 1
    written_by: str = "0.1.0"
    """Version of this package."""


@dataclass(frozen=True, slots=True)
class Format:
    """The format of a JSON file.

    A change that earlier code or earlier files do not go with appends a migration, from the version
    before: from 1 to 2 the first, and so on.
    """

    migrations: tuple[Migration, ...] = ()

    @property
    def version(self) -> int:
        """The version that is written."""
        return 1 + len(self.migrations)

    def text(self, content: BaseModel) -> str:
        """The file's text, with its version and that of this package."""
        header = Header(format_version=self.version, written_by=__version__)
        values = {**header.model_dump(), **content.model_dump(mode="json")}
        return json.dumps(values, indent=2, allow_nan=False) + "\n"

    def read(self, path: Path, model: type[ModelT], way_out: str) -> ModelT:
        """The content of a file of this version or an earlier one.

        Args:
            path: the file.
            model: what it should hold, once it is migrated.
            way_out: what to do if it is missing or damaged.

        Raises:
            DataError: it is missing or damaged, or its version is later.
        """
        content = read_bytes(path, way_out)
        header = parse_json(content, Header, path, way_out)
        if header.format_version > self.version:
            raise DataError(
                f"{path}: its format is version {header.format_version}, written by "
                f"nano-world-models {header.written_by}; this is {__version__}, which reads "
                f"versions up to {self.version}: install {header.written_by} or later"
            )
        named = "written_by" in header.model_fields_set
        place = f"{path} (written by nano-world-models {header.written_by})" if named else path
        with parsing(place, way_out):
            values = without_header(json.loads(content))
            for migrate in self.migrations[header.format_version - 1 :]:
                values = migrate(values)
        return parse_json(json.dumps(values), model, place, way_out)


def without_header(values: dict[str, Any]) -> dict[str, Any]:
    """The values of a file but for those of its Header."""
    return {key: value for key, value in values.items() if key not in Header.model_fields}
