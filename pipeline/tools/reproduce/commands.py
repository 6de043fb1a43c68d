"""`wm reproduce`."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.arguments import PARAMS, ParamsFile


def command(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Run of the paper, as in --list.")
    ] = None,
    list_: Annotated[
        bool, typer.Option("--list", help="List all runs with their estimated cost.")
    ] = False,
    root: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Folder of the published episodes, from `wm fetch`."),
    ] = None,
    simulated: Annotated[
        bool, typer.Option("--simulated", help="Use simulated episodes; scores are not comparable.")
    ] = False,
    checkpoint: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="Evaluate this instead of training: a folder, a hub id, or `published`.",
        ),
    ] = None,
    device: Annotated[
        str, typer.Option(metavar="NAME", help="Device for the hours of --list, such as a100.")
    ] = "h200",
    tflops: Annotated[
        float | None,
        typer.Option(
            metavar="X", min=0.1, help="Its dense bfloat16 peak in TFLOP/s, instead of --device."
        ),
    ] = None,
    params: ParamsFile = PARAMS,
    published: Annotated[
        Path, typer.Option(metavar="FILE", help="Runs of the paper and their scores.")
    ] = Path("published.json"),
) -> None:
    """Reproduce a run of the paper and compare its scores with the published ones."""
    from pipeline.errors import ParamsError
    from pipeline.tools.reproduce.published import read

    runs = read(published)
    if list_:
        from pipeline.tools.reproduce import listing
        from pipeline.tools.tables import show

        show(listing.table(runs, params, listing.peak(device, tflops)))
        return
    if name is None:
        raise ParamsError("name a run of the paper; `wm reproduce --list` lists them")
    from pipeline.tools.reproduce.run import Request, reproduce  # needs torch, the list does not

    if not reproduce(runs, name, Request(params, root, simulated, checkpoint)):
        raise typer.Exit(1)
