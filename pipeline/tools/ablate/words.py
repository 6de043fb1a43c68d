"""What the command line says: which tables, and which keys are changed."""

import shlex
from collections.abc import Sequence

import yaml

from pipeline.errors import ParamsError, did_you_mean
from pipeline.tools.ablate import Table, Value
from pipeline.tools.ablate.tables import TABLES

DECIDED = {
    "dataset": "every table has its own dataset; choose tables by --only",
    "train.seed": "every run has its own train.seed, from 0 on; say how many by --seeds",
}
"""Keys that are not the user's to set, why, and the way out."""


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


def changes(words: Sequence[str], chosen: Sequence[Table]) -> dict[str, Value]:
    """What words such as `train.steps=500` set for all runs of some tables; values are YAML.

    Raises:
        ParamsError: one is no KEY=VALUE, or an arm would no longer be what its name says.
    """
    found: dict[str, Value] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise ParamsError(f"--set = {word!r} is not KEY=VALUE, such as train.steps=500")
        _refuse_what_tables_set(key, chosen)
        try:
            found[key] = yaml.safe_load(value)
        except yaml.YAMLError:
            way = "close its brackets and quotes, or quote all of it"
            raise ParamsError(f"--set = {word!r}: {value!r} is not valid YAML; {way}") from None
    return found


def command(seeds: int, only: Sequence[str], change: Sequence[str]) -> str:
    """The command line that makes the same runs."""
    options = [word for name in only for word in ("--only", name)]
    options += [word for pair in change for word in ("--set", pair)]
    return shlex.join(["wm", "ablate", "OUT", "--seeds", str(seeds), *options])


def _refuse_what_tables_set(key: str, chosen: Sequence[Table]) -> None:
    for decided, why in DECIDED.items():
        if _overlap(key, decided):
            raise ParamsError(f"--set {key}: {why}")
    varied = [table.name for table in chosen if _varies(table, key)]
    if varied:
        free = " ".join(f"--only {table.name}" for table in TABLES if not _varies(table, key))
        raise ParamsError(
            f"--set {key}: it is what arms of {', '.join(varied)} differ in; leave it out, or "
            f"choose among the tables whose arms share it: {free or 'there are none'}"
        )


def _varies(table: Table, key: str) -> bool:
    return any(_overlap(key, own) for arm in table.arms for own in arm.changes)


def _overlap(key: str, other: str) -> bool:
    """Whether dotted keys are the same, or one is a block that holds the other."""
    return f"{key}.".startswith(f"{other}.") or f"{other}.".startswith(f"{key}.")
