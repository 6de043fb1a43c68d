"""`python -m pipeline.tools.ablate OUT`."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline import stage
from pipeline.arguments import PARAMS, ParamsFile
from pipeline.tools.workspaces.arguments import Jobs


def command(
    out: Annotated[
        Path,
        typer.Argument(metavar="OUT", help="Folder for the runs; finished ones are kept."),
    ],
    seeds: Annotated[int, typer.Option(min=1, help="Number of seeds for each arm.")] = 3,
    jobs: Jobs = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="TABLE", help="Run only this table; repeatable.")
    ] = None,
    change: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change params.yaml for all runs; repeatable.",
        ),
    ] = None,
    params: ParamsFile = PARAMS,
) -> None:
    """Run the paper's ablations at a small scale, every arm with every seed; resumes if killed."""
    from dataclasses import asdict

    from pipeline.compute import device
    from pipeline.tools.ablate import cli, results
    from pipeline.tools.ablate.grid import Grid
    from pipeline.tools.machine import describe

    tables = cli.tables(only or [])
    grid = Grid(out, params, cli.changes(change or [], tables), tables, seeds)
    for line in grid.run(jobs):
        print(f"ablate: {line}", flush=True)
    gathered = [results.gather(grid, table) for table in grid.tables]
    time = grid.time()
    values = {
        "command": cli.command(seeds, only or [], change or []),
        "machine": asdict(describe(device.pick())),
        "seeds": seeds,
        "changes": grid.shared,
        "cpu_seconds": round(time.cpu_seconds),
        "runs": len(grid.runs),
        "tables": {one.table.name: results.as_json(one) for one in gathered},
    }
    stage.write_json(out / "ablations.json", values)
    text = "\n".join(results.as_markdown(one) for one in gathered)
    with stage.output(out / "ablations.md") as partial:
        partial.write_text(text)
    print(text)
    print(f"ablate: {len(grid.runs)} runs, {time.cpu_seconds / 60:.0f} CPU-minutes, in {out}")


if __name__ == "__main__":
    stage.main(command)
