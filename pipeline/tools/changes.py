"""Changes to params.yaml on a command line: `--set KEY=VALUE`."""

from collections.abc import Callable, Mapping, Sequence

from pipeline.errors import ParamsError
from pipeline.files.yaml_file import parse_yaml

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
