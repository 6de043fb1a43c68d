"""`python -m pipeline.ingest RAW SHARDS`."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline import stage
from pipeline.arguments import PARAMS, ParamsFile, SecondsFile, output


def command(
    raw: Annotated[Path, typer.Argument(metavar="RAW", help="Data set in its published layout.")],
    out: Annotated[Path, output("SHARDS", "Folder for the webdataset shards.")],
    params: ParamsFile = PARAMS,
    seconds: SecondsFile = None,
) -> None:
    """Read a published layout; write deterministic, lossless webdataset shards."""
    from pipeline import variants
    from pipeline.ingest import Options
    from pipeline.ingest.ingest import ingest
    from pipeline.params import read

    with stage.timed(seconds) as say:
        settings = read(params)
        options = settings.section("ingest", Options)
        chosen = settings.variant(variants.DATASETS)
        dataset = chosen.build()
        with stage.output(out) as partial:
            source, normalise = dataset.open(raw), dataset.normalise_actions
            manifest = ingest(source, chosen.name, normalise, options, partial)
        sizes = f"{manifest.episodes} episodes in {len(manifest.shards)} tars"
        say(f"ingest: {sizes}, {manifest.frames} frames in {out}", manifest.frames)


if __name__ == "__main__":
    stage.main(command)
