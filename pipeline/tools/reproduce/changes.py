"""Changes to the values of a params.yaml, by dotted keys."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import ParamsError
from pipeline.tools.tables import placed


def changed(values: Mapping[str, Any], changes: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """A copy of the values of `path` with some dotted keys changed; nothing is checked.

    Raises:
        ParamsError: it has no such key.
    """
    copied = copy.deepcopy(dict(values))
    for dotted, value in changes.items():
        block, last = placed(copied, dotted)
        if last not in block:
            raise ParamsError(f"{path} has no key {dotted}, which the run sets; add it")
        block[last] = value
    return copied
