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
    dest: Annotated[Path, typer.Argument(metavar="DEST", help="Folder for published data sets.")],
    episodes: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Only the first N episodes [default: all]."),
    ] = None,
    revision: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Branch, tag or commit on the Hugging Face Hub (csgo, rt1 only)."
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Download a published data set; an interrupted download is resumed."""
    from pipeline.families import PUBLISHED
    from pipeline.formats import FORMATS
    from pipeline.tools.fetch.fetch import fetch, interactive
    from pipeline.tools.fetch.plan import Endpoints, Request

    request = Request(dest, episodes, revision)
    root = fetch(name, request, Endpoints(), confirm=interactive() and not yes)
    way = f"set datasets.{name}.root: {root}"
    options = FORMATS.options_class(PUBLISHED[name], "fetch").model_fields
    if episodes is not None and "episodes" in options:
        way += f" and datasets.{name}.episodes: {episodes}"
    print(f"fetch: {name} is in {root}; to train on it, {way}")
