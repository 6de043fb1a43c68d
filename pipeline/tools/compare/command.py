"""`wm compare`: runs beside each other, as a table and as a page."""

from pathlib import Path
from typing import Annotated

import typer

RUNS = "Experiments, git revisions or workspace folders; . is the workspace as it is."


def command(
    runs: Annotated[list[str], typer.Argument(metavar="RUN", help=RUNS)],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="HTML page to write, with curves and clips."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Compare runs: params that differ, metrics, and on a page curves and clips.

    Nothing is checked out: what a revision holds is read from git and from DVC's cache.
    """
    import json
    import tempfile

    from pipeline import stage
    from pipeline.tools.compare import page, tables
    from pipeline.tools.compare.comparison import compare
    from pipeline.tools.compare.content import read
    from pipeline.tools.compare.runs import open_runs

    with tempfile.TemporaryDirectory() as copies:
        contents = [read(run) for run in open_runs(runs, Path(copies))]
        comparison = compare(contents)
        if out is not None:
            text = page.render(contents, comparison)
            with stage.output(out) as partial:
                partial.write_text(text)
    if as_json:
        print(json.dumps(tables.as_json(comparison), indent=2))
    else:
        tables.show(comparison)
    if out is not None and not as_json:
        print(f"page: {out}, {len(text) / 1e6:.1f} MB")
