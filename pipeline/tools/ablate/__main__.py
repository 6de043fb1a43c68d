"""`python -m pipeline.tools.ablate OUT`."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline import stage
from pipeline.arguments import PARAMS, ParamsFile


def command(
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="Folder for the runs; what is done there is kept.")
    ],
    seeds: Annotated[int, typer.Option(min=1, help="Runs of every arm.")] = 3,
    jobs: Annotated[int, typer.Option(min=1, help="Runs at once, of one thread each.")] = 2,
    only: Annotated[
        list[str] | None, typer.Option(metavar="TABLE", help="Only this table.")
    ] = None,
    change: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change params.yaml for all runs."),
    ] = None,
    params: ParamsFile = PARAMS,
) -> None:
    """Remake the paper's ablations small: every arm under every seed; what was killed resumes."""
    from dataclasses import asdict

    from pipeline.compute import device
    from pipeline.tools.ablate import results, words
    from pipeline.tools.ablate.grid import Grid
    from pipeline.tools.machine import describe

    tables = words.tables(only or [])
    grid = Grid(out, params, words.changes(change or [], tables), tables, seeds)
    for line in grid.run(jobs):
        print(f"ablate: {line}", flush=True)
    found = [results.gather(grid, table) for table in grid.tables]
    spent = grid.spent()
    values = {
        "command": words.command(seeds, only or [], change or []),
        "machine": asdict(describe(device.pick())),
        "seeds": seeds,
        "changes": grid.shared,
        "cpu_seconds": round(spent.cpu_seconds),
        "runs": len(grid.runs),
        "tables": {one.table.name: results.plain(one) for one in found},
    }
    stage.write_json(out / "ablations.json", values)
    text = "\n".join(results.markdown(one) for one in found)
    with stage.output(out / "ablations.md") as partial:
        partial.write_text(text)
    print(text)
    print(f"ablate: {len(grid.runs)} runs, {spent.cpu_seconds / 60:.0f} CPU-minutes, in {out}")


if __name__ == "__main__":
    stage.main(command)
