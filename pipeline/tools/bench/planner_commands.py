"""`wm bench planners`: search in worlds whose minimum is known."""

from dataclasses import asdict
from typing import Annotated

import typer

from pipeline.arguments import PARAMS, ParamsFile
from pipeline.tools.bench.cli import Out
from pipeline.tools.tables import show


def planners(
    evaluations: Annotated[
        list[int] | None,
        typer.Option(min=16, help="Sequences that a search may try; may be repeated."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Searches of each planner.")] = 20,
    out: Out = None,
    params: ParamsFile = PARAMS,
) -> None:
    """Compare planners on costs whose minimum is known."""
    from pipeline import stage
    from pipeline.params import read
    from pipeline.tools.bench import planners as bench

    counts = evaluations or [64, 256, 1024, 9000]
    rows = bench.run(read(params), counts, seeds)
    show(bench.table(rows, counts))
    print(
        f"cost above the minimum, as a share of what zeros cost above it: median of {seeds} seeds "
        f"(share of seeds within {bench.FOUND:.0%})"
    )
    if out is not None:
        stage.write_json(out, {"seeds": seeds, "rows": [asdict(row) for row in rows]})
