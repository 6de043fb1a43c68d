"""Words that several benches are told."""

from pathlib import Path
from typing import Annotated

import typer

Batch = Annotated[int, typer.Option(help="Windows at a time.")]
Repeats = Annotated[int, typer.Option(help="Rounds to time, after a warm-up.")]
Out = Annotated[Path | None, typer.Option(metavar="FILE", help="JSON file for the figures.")]
