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
    from pipeline import families as variants
    from pipeline.collect.inventory import resolve
    from pipeline.compute import parallel as cluster
    from pipeline.ingest import Options
    from pipeline.ingest.ingest import Job, ingest
    from pipeline.params import read

    with stage.timed(seconds) as summarise:
        settings = read(params)
        options = settings.section("ingest", Options)
        chosen = settings.variant(variants.DATASETS)
        dataset, layout = chosen.build(), chosen.options
        job = Job(chosen.name, dataset.interval, layout, dataset.open(resolve(raw)))
        with stage.output(out) as partial:
            manifest = ingest(job, options, settings.section("cluster", cluster.Options), partial)
        sizes = f"{manifest.episodes} episodes in {len(manifest.shards)} tars"
        if bad := len(manifest.quarantined):
            sizes += f" ({bad} quarantined: see manifest.json)"
        summarise(f"ingest: {sizes}, {manifest.frames} frames in {out}", manifest.frames)


if __name__ == "__main__":
    stage.main(command)
