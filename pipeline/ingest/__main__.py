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
    from pipeline.collect.inventory import advising, resolve
    from pipeline.compute import parallel as cluster
    from pipeline.formats import FORMATS, frame_interval
    from pipeline.ingest import Options
    from pipeline.ingest.ingest import Job, ingest
    from pipeline.params import read

    with advising(raw), stage.timed(seconds) as summarise:
        settings = read(params)
        options = settings.section("ingest", Options)
        selected = settings.variant(FORMATS)
        source = selected.build().open(resolve(raw))
        job = Job(settings.dataset, frame_interval(selected), selected.options, source)
        with stage.output(out) as partial:
            manifest = ingest(job, options, settings.section("cluster", cluster.Options), partial)
        line = f"{manifest.episodes} episodes in {len(manifest.shards)} tars"
        if skipped := len(manifest.quarantined):
            line += f" ({skipped} quarantined: see manifest.json)"
        summarise(f"ingest: {line}, {manifest.frames} frames in {out}", manifest.frames)


if __name__ == "__main__":
    stage.main(command)
