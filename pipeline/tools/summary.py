"""`wm summary`: what a run achieved, in one small table."""

import json
from pathlib import Path
from typing import Annotated

import typer


def command(
    fit: Annotated[Path, typer.Argument(help="Metrics of fit.")],
    evaluate: Annotated[Path, typer.Argument(help="Metrics of evaluate.")],
    plan: Annotated[Path, typer.Argument(help="Metrics of plan.")],
    report: Annotated[Path, typer.Argument(help="The page to point at.")],
    strict: Annotated[bool, typer.Option(help="Exit with 1 unless every promise holds.")] = False,
) -> None:
    """Print what a run must show, what it shows, and where to look at it."""
    from rich.console import Console
    from rich.table import Table

    from pipeline.errors import DataError
    from pipeline.report.gates import gates

    for path in (fit, evaluate, plan, report):
        if not path.is_file():
            raise DataError(f"{path}: no such file; run `dvc repro` to make it")
    checked = gates(*(json.loads(path.read_text()) for path in (fit, evaluate, plan)))
    table = Table("promise", "measured", "asked for", "")
    for gate in checked:
        table.add_row(gate.name, gate.measured, gate.bound, "holds" if gate.holds else "FAILS")
    Console().print(table)
    print(f"report: {report}")
    if strict and not all(gate.holds for gate in checked):
        raise typer.Exit(1)
