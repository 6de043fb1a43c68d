"""`python -m pipeline.collect RAW`."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline import stage
from pipeline.arguments import PARAMS, ParamsFile, SecondsFile, output


def command(
    raw: Annotated[Path, output("RAW", "Folder for the episodes, in the published layout.")],
    params: ParamsFile = PARAMS,
    seconds: SecondsFile = None,
    preview: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="PNG file for a contact sheet of episodes."),
    ] = None,
) -> None:
    """Simulate episodes in the published layout of the data set, or point at your own download."""
    from pipeline.collect.collect import collect
    from pipeline.collect.inventory import resolve
    from pipeline.collect.preview import contact_sheet
    from pipeline.params import read

    with stage.timed(seconds) as summarise:
        dataset, line, count = collect(read(params), raw)
        if preview is not None:
            contact_sheet(dataset.open(resolve(raw)), preview)
            line += f", shown in {preview}"
        summarise(f"collect: {line}", count)


if __name__ == "__main__":
    stage.main(command)
