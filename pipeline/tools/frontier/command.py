"""`wm frontier`: success against the time of a replan."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.arguments import PARAMS, ParamsFile
from pipeline.tools.workspaces.arguments import Jobs


def command(
    out: Annotated[
        Path,
        typer.Argument(metavar="OUT", help="Folder for the runs; finished ones are kept."),
    ],
    only: Annotated[
        list[str] | None, typer.Option(metavar="PLANNER", help="Try only this one; repeatable.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Sets of goals at each point.")] = 1,
    jobs: Jobs = None,
    change: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Change plan.KEY for all runs; repeatable."
        ),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="Plan nothing; plot a frontier.csv that is there."),
    ] = None,
    params: ParamsFile = PARAMS,
) -> None:
    """Plan with every planner at several efforts, on the model of this workspace; plot success.

    Writes OUT/frontier.csv and OUT/frontier.svg; the same command goes on where it was killed.
    """
    from pipeline import stage
    from pipeline.tools import tables
    from pipeline.tools.frontier import Row, results
    from pipeline.tools.frontier.runs import Frontier, Request, changes

    if table is None:
        frontier = Frontier(Request(out, params, only or [], seeds, changes(change or [])))
        for line in frontier.run(jobs):
            print(f"frontier: {line}", flush=True)
        rows = frontier.rows()
        results.write_csv(rows, out / "frontier.csv")
    else:
        rows = Row.read(table)
        out.mkdir(parents=True, exist_ok=True)
    with stage.output(out / "frontier.svg") as partial:
        partial.write_bytes(results.plot(rows))
    tables.show(results.table(rows))
    print(f"* no cheaper setting reaches more goals\nfrontier: {out / 'frontier.svg'}")
