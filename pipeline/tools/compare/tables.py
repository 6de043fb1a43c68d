"""A comparison in the terminal, and as JSON."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pipeline.tools.compare.comparison import ABSENT, Comparison, Row

if TYPE_CHECKING:
    from rich.table import Table


def show(comparison: Comparison) -> None:
    """Print params that differ, metrics and notes."""
    from rich.markup import escape

    from pipeline.tools.tables import show as show_table

    if comparison.params:
        table = _table("params that differ", comparison)
        for key, values in comparison.params.items():
            table.add_row(escape(key), *(escape(in_words(value)) for value in values))
        show_table(table)
    else:
        print("params: no difference")
    table = _table("metrics", comparison)
    for row in comparison.rows:
        table.add_row(escape(row.measure.name), *(_cell(row, i) for i in range(len(row.values))))
    show_table(table)
    if any(row.best for row in comparison.rows):
        print("* the best of its row" + _closeness(comparison))
    for note in comparison.notes:
        print(note)


def in_words(value: Any) -> str:
    """A value of params.yaml as it stands there; a dash where there is none."""
    import yaml

    if value is ABSENT:
        return "-"
    return (
        yaml.safe_dump(value, default_flow_style=True, width=10_000).removesuffix("...\n").strip()
    )


def number(row: Row, index: int) -> str:
    """The value of a run with its interval, formatted; empty where it is not known."""
    value = row.values[index]
    if value is None:
        return ""
    form = row.measure.form.format
    if value.low is None or value.high is None:
        return form(value.value)
    return f"{form(value.value)} ({form(value.low)} to {form(value.high)})"


def as_json(comparison: Comparison) -> dict[str, Any]:
    """Plain values: by params key or metric, a list in the order of `runs`; null where unknown."""
    params = {
        key: [None if value is ABSENT else value for value in values]
        for key, values in comparison.params.items()
    }
    metrics = {
        row.measure.name: {
            "better": {1: "higher", -1: "lower", 0: None}[row.measure.better],
            "best": [comparison.names[index] for index in row.best],
            "values": [value and asdict(value) for value in row.values],
        }
        for row in comparison.rows
    }
    return {
        "runs": comparison.names,
        "params": params,
        "metrics": metrics,
        "notes": comparison.notes,
    }


def _table(title: str, comparison: Comparison) -> "Table":
    from rich.markup import escape
    from rich.table import Table

    table = Table(title, *(escape(name) for name in comparison.names))
    for column in table.columns[1:]:
        column.justify, column.overflow = "right", "fold"
    return table


def _cell(row: Row, index: int) -> str:
    mark = "[bold green]{} *[/]" if index in row.best else "{}"
    return mark.format(number(row, index))


def _closeness(comparison: Comparison) -> str:
    close = [row.measure.name for row in comparison.rows if row.close]
    return f"; the 95 % interval of another run meets its own: {', '.join(close)}" if close else ""
