"""`wm bench`: sampler, train, formats, ingest, encode and loader."""

import typer

from pipeline.bench.data_commands import encode, formats, ingest, loader
from pipeline.bench.model_commands import sampler, train

app = typer.Typer(
    help="Time this implementation against plainer ways, by turns.", no_args_is_help=True
)
for command in (sampler, train, formats, ingest, encode, loader):
    app.command()(command)
