"""`wm reproduce`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.arguments import PARAMS, ParamsFile
from pipeline.tools.workspaces.arguments import Jobs

if TYPE_CHECKING:
    from pipeline.tools.reproduce.published import PublishedRuns
    from pipeline.tools.reproduce.run import Request


def command(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Runs of the paper, as in --list.")
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
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Carry out any number of runs here, not in this workspace."
        ),
    ] = None,
    jobs: Jobs = None,
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
    from pipeline.tools.reproduce.published import read

    runs = read(published)
    if list_:
        from pipeline.tools.reproduce import listing
        from pipeline.tools.tables import show

        show(listing.table(runs, params, listing.peak(device, tflops)))
        return
    from pipeline.tools.reproduce.run import Request  # needs torch, the list does not

    request = Request(params, root, simulated, checkpoint)
    if not _all_inside(runs, names or [], request, out, jobs):
        raise typer.Exit(1)


def _all_inside(
    runs: "PublishedRuns", names: list[str], request: "Request", out: Path | None, jobs: int | None
) -> bool:
    """Whether every score that can be compared is within its tolerance."""
    from pipeline.errors import ParamsError
    from pipeline.tools.reproduce import run, several

    if not names:
        raise ParamsError("name a run of the paper; `wm reproduce --list` lists them")
    if out is not None:
        return several.reproduce(runs, names, request, out, jobs)
    if len(names) > 1:
        raise ParamsError(f"{len(names)} runs need a folder of their own; name one with --out")
    return run.reproduce(runs, names[0], request)
