"""YAML files: a key that is given twice is a mistake, not a choice between two values."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import DataError
from pipeline.files.content import parsing, read_text, reason


def read_yaml(path: Path, way_out: str) -> Any:
    """The content of a YAML file.

    Args:
        path: the file.
        way_out: what to do if it is missing or damaged.

    Raises:
        DataError: it is missing, not UTF-8, no YAML, nested too deeply, or gives a key twice.
    """
    return parse_yaml(read_text(path, way_out), path, way_out)


def parse_yaml(text: str, place: Path | str, way_out: str) -> Any:
    """The same for YAML from elsewhere, at a place that errors name."""
    with parsing(place, way_out):
        loader = _UniqueKeys(text, place)
        try:
            return loader.get_single_data()
        except yaml.YAMLError as error:
            raise DataError(f"{place}: not valid YAML ({reason(error)}); {way_out}") from None
        finally:
            loader.dispose()


class _UniqueKeys(yaml.SafeLoader):
    """PyYAML lets the last of two equal keys win."""

    def __init__(self, text: str, place: Path | str) -> None:
        super().__init__(text)
        self.place = place

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        lines: dict[tuple[str, str], int] = {}
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            line, name = key.start_mark.line + 1, (key.tag, key.value)
            if name in lines:
                raise DataError(
                    f"{self.place}: line {line} gives {key.value!r} again, after line "
                    f"{lines[name]}; delete one of the two"
                )
            lines[name] = line
        return super().construct_mapping(node, deep)
