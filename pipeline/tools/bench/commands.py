"""`wm bench`: sampler, train, cached, formats, ingest, encode, loader and feed."""

import typer

from pipeline.tools.bench.frame_commands import encode, formats, ingest
from pipeline.tools.bench.model_commands import cached, sampler, train
from pipeline.tools.bench.window_commands import feed, loader

app = typer.Typer(
    help="Time this implementation against the reference's way of doing the same.",
    no_args_is_help=True,
)
for command in (sampler, train, cached, formats, ingest, encode, loader, feed):
    app.command()(command)
