"""`python -m pipeline.ingest RAW SHARDS`."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline import stage


def command(
    raw: Annotated[Path, typer.Argument(help="Data set in its published layout.")],
    out: Annotated[Path, typer.Argument(help="Folder of webdataset shards to write.")],
    params: Annotated[Path, typer.Option(help="Parameters to read.")] = Path("params.yaml"),
    seconds: Annotated[Path | None, typer.Option(help="JSON file for the time taken.")] = None,
) -> None:
    """Read any supported layout; write deterministic, lossless webdataset shards."""
    from pipeline import variants
    from pipeline.ingest import Options
    from pipeline.ingest.ingest import ingest
    from pipeline.params import read

    with stage.timed(seconds) as say:
        settings = read(params)
        layout = settings.variant(variants.DATASETS)
        dataset = layout.module.build(layout.options)
        options = settings.section("ingest", Options)
        with stage.output(out) as partial:
            manifest = ingest(
                dataset.open(raw), layout.name, dataset.normalise_actions, options, partial
            )
        count = len(manifest.shards)
        say(
            f"ingest: {manifest.episodes} episodes, {manifest.frames} frames, {count} tars in {out}"
        )


if __name__ == "__main__":
    stage.main(command)
