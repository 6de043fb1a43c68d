"""Changes to the values of a params.yaml by dotted keys, and `--set KEY=VALUE`."""

import copy
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.errors import ParamsError, did_you_mean
from pipeline.files.yaml_file import parse_yaml
from pipeline.tools.tables import placed

Value = int | float | str | bool | Mapping[str, int] | None
"""A value in params.yaml."""


def parse_changes(
    pairs: Sequence[str], example: str, check: Callable[[str], None]
) -> dict[str, Value]:
    """Values by key of pairs such as `train.steps=500`, whose values are YAML.

    Args:
        pairs: as they were given to --set.
        example: a pair, for errors.
        check: raises ParamsError for a key that may not change.

    Raises:
        ParamsError: a pair is not KEY=VALUE, or `check` refuses its key.
        DataError: a value is not YAML.
    """
    parsed: dict[str, Value] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise ParamsError(f"--set = {pair!r} is not KEY=VALUE, such as {example}")
        check(key)
        way_out = "close its brackets and quotes, or quote all of it"
        parsed[key] = parse_yaml(value, f"--set = {pair!r}", way_out)
    return parsed


def changed(values: Mapping[str, Any], changes: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """A copy of the values of `path` with some dotted keys changed; nothing is checked.

    Raises:
        ParamsError: it has no such key.
    """
    copied = copy.deepcopy(dict(values))
    for dotted, value in changes.items():
        block, last = placed(copied, dotted)
        if last not in block:
            hint = did_you_mean(last, block)
            raise ParamsError(f"{path}: has no key {dotted} to change; {hint}")
        block[last] = value
    return copied
