"""`wm summary`: the gates of a run in one small table."""

from pathlib import Path
from typing import Annotated

import typer


def command(
    fit: Annotated[Path, typer.Argument(help="Metrics of fit.")],
    evaluate: Annotated[Path, typer.Argument(help="Metrics of evaluate.")],
    plan: Annotated[Path, typer.Argument(help="Metrics of plan.")],
    report: Annotated[Path, typer.Argument(help="Report page, whose path is printed.")],
    strict: Annotated[bool, typer.Option(help="Exit with 1 unless every gate passes.")] = False,
) -> None:
    """Print what a run of the default pipeline must reach, and what it reached."""
    from rich.console import Console
    from rich.table import Table

    from pipeline.errors import DataError
    from pipeline.metrics.schema import plan as plan_metrics
    from pipeline.metrics.schema.evaluate import EvaluateMetrics
    from pipeline.metrics.schema.fit import FitMetrics
    from pipeline.report.gates import gates

    checked = gates(FitMetrics.read(fit), EvaluateMetrics.read(evaluate), plan_metrics.read(plan))
    if not report.is_file():
        raise DataError(f"{report}: no such file; run `dvc repro report` to make it")
    table = Table("gate", "measured", "required", "")
    for gate in checked:
        table.add_row(gate.name, gate.measured, gate.bound, "passes" if gate.passes else "FAILS")
    Console().print(table)
    print(f"report: {report}")
    if strict and not all(gate.passes for gate in checked):
        raise typer.Exit(1)
