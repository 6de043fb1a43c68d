"""`wm fetch`."""

from pathlib import Path
from typing import Annotated

import typer


def command(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="pusht, point_maze, wall, rope, granular, csgo or rt1."
        ),
    ],
    dest: Annotated[Path, typer.Argument(metavar="DEST", help="Folder for published sets.")],
    episodes: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="The first N episodes only; all if not given."),
    ] = None,
    revision: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Branch, tag or commit on the hub (csgo, rt1)."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Download without asking.")] = False,
) -> None:
    """Get a published data set from where it is published; goes on where it was interrupted."""
    from pipeline.tools.fetch.fetch import fetch, interactive
    from pipeline.tools.fetch.plan import Places, Wanted

    wanted = Wanted(dest, episodes, revision)
    root = fetch(name, wanted, Places(), ask=interactive() and not yes)
    print(f"fetch: {name} is in {root}; to use it, set datasets.{name}.root: {root}")
