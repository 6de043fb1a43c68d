"""Runs beside each other: params that differ, metrics, the best of each row."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.tools.compare.content import Content
from pipeline.tools.compare.measures import DECIDED_BY, MEASURES, Measure, Value, decides

ABSENT = object()
"""In place of the value of a params key that a run has not."""


@dataclass(frozen=True, slots=True)
class Row:
    """One metric of every run.

    Attributes:
        measure: which one.
        values: by run; None where it is not known.
        best: indices of the best runs, as far as digits are shown; empty where none is named.
        close: whether the 95 % interval of another run meets that of the best.
    """

    measure: Measure
    values: list[Value | None]
    best: tuple[int, ...]
    close: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that is told of some runs.

    Attributes:
        names: of the runs.
        params: keys that differ, and their values by run, ABSENT where a run has no such key.
        rows: the metrics that at least one run has.
        notes: what is missing, and which rows cannot be compared, one line each.
    """

    names: list[str]
    params: dict[str, list[Any]]
    rows: list[Row]
    notes: list[str]


def compare(runs: Sequence[Content]) -> Comparison:
    """Put runs beside each other, in the order given."""
    params = _differing(runs)
    every = [_row(measure, runs, params) for measure in MEASURES]
    rows = [row for row in every if any(value is not None for value in row.values)]
    notes = [*_incomparable(rows, params), *(note for run in runs for note in run.notes)]
    return Comparison([run.name for run in runs], params, rows, notes)


def _differing(runs: Sequence[Content]) -> dict[str, list[Any]]:
    keys = dict.fromkeys(key for run in runs for key in run.params)
    values = {key: [run.params.get(key, ABSENT) for run in runs] for key in keys}
    return {key: row for key, row in values.items() if any(value != row[0] for value in row)}


def _row(measure: Measure, runs: Sequence[Content], params: dict[str, list[Any]]) -> Row:
    values = [measure.of(run) for run in runs]
    known = {index: value for index, value in enumerate(values) if value is not None}
    shown = {index: measure.form.format(value.value) for index, value in known.items()}
    differ = any(decides(key, about) for about in measure.about for key in params)
    if not measure.better or differ or len(set(shown.values())) < 2:
        return Row(measure, values, (), False)
    top = max(known, key=lambda index: measure.better * known[index].value)
    best = tuple(index for index, text in shown.items() if text == shown[top])
    others = [value for index, value in known.items() if index not in best]
    return Row(measure, values, best, any(_meet(known[top], other) for other in others))


def _meet(a: Value, b: Value) -> bool:
    """Whether two intervals share a number."""
    if a.low is None or a.high is None or b.low is None or b.high is None:
        return False
    return a.low <= b.high and b.low <= a.high


def _incomparable(rows: Sequence[Row], params: dict[str, list[Any]]) -> list[str]:
    """Why rows have no best run, one line for each reason."""
    notes = []
    for about in DECIDED_BY:
        keys = [key for key in params if decides(key, about)]
        named = [row.measure.name for row in rows if about in row.measure.about]
        if keys and named:
            listed = ", ".join(keys[:3]) + (", ..." if len(keys) > 3 else "")
            notes.append(f"no best of {', '.join(named)}: not of the same {about} ({listed})")
    return notes
