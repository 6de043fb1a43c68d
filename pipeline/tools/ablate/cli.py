"""Arguments of the command line: tables, and changes to params.yaml."""

import shlex
from collections.abc import Sequence

from pipeline.errors import ParamsError, did_you_mean
from pipeline.tools.ablate import Table
from pipeline.tools.ablate.tables import TABLES
from pipeline.tools.changes import Value, parse_changes

RESERVED = {
    "model": "the world models that the runs train are compared; leave it out",
    "dataset": "every table has its own dataset; select tables with --only",
    "train.seed": "seeds are 0, 1, 2, ...; set their number with --seeds",
}
"""Keys that --set refuses: the reason and the way out."""


def tables(names: Sequence[str]) -> tuple[Table, ...]:
    """The tables of these names; all tables if no name is given.

    Raises:
        ParamsError: there is no table of that name.
    """
    known = [table.name for table in TABLES]
    for name in names:
        if name not in known:
            raise ParamsError(f"--only = {name!r} is not a table; {did_you_mean(name, known)}")
    return tuple(table for table in TABLES if not names or table.name in names)


def changes(pairs: Sequence[str], selected: Sequence[Table]) -> dict[str, Value]:
    """Parse pairs such as `train.steps=500`, whose values are YAML, for all runs of some tables.

    Raises:
        ParamsError: a pair is not KEY=VALUE, or its key is reserved or set by an arm.
    """
    return parse_changes(pairs, "train.steps=500", lambda key: _check_is_free(key, selected))


def command(seeds: int, only: Sequence[str], change: Sequence[str]) -> str:
    """The command line that makes the same runs."""
    options = [word for name in only for word in ("--only", name)]
    options += [word for pair in change for word in ("--set", pair)]
    return shlex.join(["wm", "ablate", "OUT", "--seeds", str(seeds), *options])


def _check_is_free(key: str, selected: Sequence[Table]) -> None:
    for reserved, reason in RESERVED.items():
        if _overlap(key, reserved):
            raise ParamsError(f"--set {key}: {reason}")
    varied = [table.name for table in selected if _varies(table, key)]
    if varied:
        free = " ".join(f"--only {table.name}" for table in TABLES if not _varies(table, key))
        raise ParamsError(
            f"--set {key}: the arms of {', '.join(varied)} set it themselves; leave it out, or "
            f"select tables whose arms do not: {free or 'there are none'}"
        )


def _varies(table: Table, key: str) -> bool:
    return any(_overlap(key, own) for arm in table.arms for own in arm.changes)


def _overlap(key: str, other: str) -> bool:
    """Whether two dotted keys are the same, or one is a block that contains the other."""
    return f"{key}.".startswith(f"{other}.") or f"{other}.".startswith(f"{key}.")
