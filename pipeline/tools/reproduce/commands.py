"""`wm reproduce`."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.arguments import PARAMS, ParamsFile


def command(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A run of the paper; --list names them.")
    ] = None,
    list_: Annotated[
        bool, typer.Option("--list", help="Show all runs, and what each of them costs.")
    ] = False,
    root: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Folder of the published episodes, by `wm fetch`."),
    ] = None,
    simulated: Annotated[
        bool, typer.Option("--simulated", help="On simulated episodes: nothing to compare.")
    ] = False,
    checkpoint: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="Score this instead of training: a folder, a hub id, or `published`.",
        ),
    ] = None,
    device: Annotated[
        str, typer.Option(metavar="NAME", help="Whose hours --list shows, such as a100.")
    ] = "h200",
    tflops: Annotated[
        float | None,
        typer.Option(metavar="X", min=0.1, help="Instead: its dense bfloat16 peak, in TFLOP/s."),
    ] = None,
    params: ParamsFile = PARAMS,
    published: Annotated[
        Path, typer.Option(metavar="FILE", help="The runs and their figures.")
    ] = Path("published.json"),
) -> None:
    """Reproduce a run of the paper, and hold it against the published figures."""
    from pipeline.errors import ParamsError
    from pipeline.tools.reproduce import listing
    from pipeline.tools.reproduce.published import read
    from pipeline.tools.reproduce.run import Wanted, reproduce
    from pipeline.tools.tables import show

    known = read(published)
    if list_:
        show(listing.table(known, params, listing.peak(device, tflops)))
    elif name is None:
        raise ParamsError("name a run of the paper, or give --list to see them")
    elif not reproduce(known, name, Wanted(params, root, simulated, checkpoint)):
        raise typer.Exit(1)
