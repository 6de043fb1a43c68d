"""YAML files: a key that is given twice is a mistake, not a choice between two values."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import DataError
from pipeline.files.content import parsing, read_text, reason

MOST = 1_000_000
"""Values that a file may hold; a few lines of references to references would make billions."""


def read_yaml(path: Path, way_out: str) -> Any:
    """The content of a YAML file.

    Args:
        path: the file.
        way_out: what to do if it is missing or damaged.

    Raises:
        DataError: it is missing, not UTF-8, no YAML, nested too deeply, gives a key twice, or
            refers to parts of itself so often that it would be too large.
    """
    return parse_yaml(read_text(path, way_out), path, way_out)


def parse_yaml(text: str, place: Path | str, way_out: str) -> Any:
    """The same for YAML from elsewhere, at a place that errors name."""
    with parsing(place, way_out):
        loader = _UniqueKeys(text, place)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            if (size := _size(node, {})) > MOST:
                raise DataError(f"{place}: has {size:,} values, references counted; {way_out}")
            return loader.construct_document(node)
        except yaml.YAMLError as error:
            raise DataError(f"{place}: not valid YAML ({reason(error)}); {way_out}") from None
        finally:
            loader.dispose()


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """How many values a node holds, those that it refers to counted each time."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) not in known:
        known[id(node)] = MOST  # of a node that holds itself
        pairs = isinstance(node, yaml.MappingNode)
        inner = [value for pair in node.value for value in pair] if pairs else node.value
        known[id(node)] = 1 + sum(_size(value, known) for value in inner)
    return known[id(node)]


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
