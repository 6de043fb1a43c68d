"""What the command line says: which tables, and which keys are changed."""

import shlex
from collections.abc import Sequence

import yaml

from pipeline.ablation import Table, Value
from pipeline.ablation.tables import TABLES
from pipeline.errors import ParamsError, did_you_mean


def tables(names: Sequence[str]) -> tuple[Table, ...]:
    """The tables of these names; all of them where none is named.

    Raises:
        ParamsError: there is no table of that name.
    """
    known = [table.name for table in TABLES]
    for name in names:
        if name not in known:
            raise ParamsError(f"--only = {name!r} is no table; {did_you_mean(name, known)}")
    return tuple(table for table in TABLES if not names or table.name in names)


def changes(words: Sequence[str]) -> dict[str, Value]:
    """What words such as `train.steps=500` set; values are YAML.

    Raises:
        ParamsError: one is no KEY=VALUE.
    """
    found: dict[str, Value] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise ParamsError(f"--set = {word!r} is not KEY=VALUE, such as train.steps=500")
        found[key] = yaml.safe_load(value)
    return found


def command(seeds: int, only: Sequence[str], change: Sequence[str]) -> str:
    """The command line that makes the same runs."""
    options = [word for name in only for word in ("--only", name)]
    options += [word for pair in change for word in ("--set", pair)]
    return shlex.join(["wm", "ablate", "OUT", "--seeds", str(seeds), *options])
