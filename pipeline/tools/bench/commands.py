"""`wm bench`: time parts of the pipeline, and compare planners."""

import typer

from pipeline.tools.bench.few_step_command import few_step
from pipeline.tools.bench.frame_commands import encode, formats, ingest
from pipeline.tools.bench.futures_command import futures
from pipeline.tools.bench.growth_command import growth
from pipeline.tools.bench.imagination_command import imagination
from pipeline.tools.bench.model_commands import cached, sampler, train
from pipeline.tools.bench.planner_commands import planners
from pipeline.tools.bench.play_command import play
from pipeline.tools.bench.rollout_command import rollout
from pipeline.tools.bench.stages_command import stages
from pipeline.tools.bench.window_commands import feed, lance, loader

app = typer.Typer(
    help="Time this implementation against the reference's way of doing it, and compare planners.",
    no_args_is_help=True,
)
for command in (
    sampler,
    few_step,
    train,
    cached,
    formats,
    ingest,
    encode,
    loader,
    lance,
    feed,
    futures,
    rollout,
    planners,
    play,
    imagination,
    stages,
    growth,
):
    app.command()(command)
