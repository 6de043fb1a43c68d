"""Options of several benches on the command line."""

from pathlib import Path
from typing import Annotated

import typer

Batch = Annotated[int, typer.Option(help="Windows a batch.")]
Repeats = Annotated[int, typer.Option(help="Timed rounds, after a warm-up.")]
Out = Annotated[
    Path | None, typer.Option(metavar="FILE", help="JSON file to write the results to.")
]
