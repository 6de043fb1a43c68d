"""`python -m pipeline.tools.parity DIR`."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline import stage
from pipeline.tools.tables import show


def command(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="Folder of golden files (.npz, .json, .safetensors).",
        ),
    ],
) -> None:
    """Compare this implementation with outputs of the reference; exit with 1 if any disagrees."""
    from rich.markup import escape
    from rich.table import Table

    from pipeline.errors import DataError
    from pipeline.tools.parity.run import run

    checks = list(stage.track(run(folder), "parity"))
    if not checks:
        raise DataError(f"{folder}: its golden files hold no arrays")
    table = Table("array", "error", "tolerance", "")
    for check in checks:
        errors = (f"{check.error:.1e}", f"{check.tolerance:.0e}") if check.understood else ("", "")
        style = None if check.passed else "bold red"
        table.add_row(escape(check.name), *errors, check.verdict, style=style)
    show(table)
    failed = sum(not check.passed for check in checks)
    print(f"{failed or len(checks)} of {len(checks)} arrays {'disagree' if failed else 'agree'}")
    if failed:
        raise typer.Exit(1)


if __name__ == "__main__":
    stage.main(command)
