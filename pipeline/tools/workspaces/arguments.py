"""Options that commands of many runs share."""

from typing import Annotated

import typer

Jobs = Annotated[
    int | None,
    typer.Option(
        min=1, help="Runs at once on this machine, with one thread each; not as cluster says."
    ),
]
