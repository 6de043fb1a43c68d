"""`wm bench loader` and `feed`: windows of latents on their way to training."""

from dataclasses import asdict
from typing import Annotated

import typer

from pipeline.arguments import PARAMS, ParamsFile
from pipeline.tools.bench.words import Batch, Out, Repeats
from pipeline.tools.tables import Frames, Latent, shape_of, show

Interval = Annotated[int, typer.Option(min=1, help="Steps between frames.")]
Episodes = Annotated[int, typer.Option(min=1, help="In the latent cache.")]
Steps = Annotated[int, typer.Option(min=1, help="Of every episode.")]


def loader(
    latent: Latent = "4x32x32",
    frames: Frames = 4,
    interval: Interval = 5,
    batch: Batch = 32,
    episodes: Episodes = 400,
    steps: Steps = 100,
    files: Annotated[int, typer.Option(min=1, help="Episode files.")] = 8,
    repeats: Repeats = 20,
    out: Out = None,
) -> None:
    """Load windows of latents, against zarr and against whole episode files."""
    from pipeline.tools.bench import loader as bench
    from pipeline.tools.bench.loader_data import Setting
    from pipeline.tools.bench.rates import tell

    chosen = Setting(
        latent=shape_of(latent),
        frames=frames,
        interval=interval,
        batch=batch,
        episodes=episodes,
        steps=steps,
        files=files,
        repeats=repeats,
    )
    tell(bench.run(chosen), out)


def feed(
    latent: Latent = "4x32x32",
    frames: Frames = 4,
    interval: Interval = 5,
    batch: Annotated[int, typer.Option(min=1, help="Clips of each process.")] = 64,
    processes: Annotated[int, typer.Option(min=1, help="That train together.")] = 1,
    milliseconds: Annotated[
        list[float] | None,
        typer.Option("--ms", min=0.001, help="That a device takes for a step; may be repeated."),
    ] = None,
    episodes: Episodes = 400,
    steps: Steps = 100,
    repeats: Annotated[int, typer.Option(min=2, help="Batches to draw.")] = 100,
    out: Out = None,
    params: ParamsFile = PARAMS,
) -> None:
    """Draw whole batches of training, beside devices of several speeds."""
    from pipeline import stage
    from pipeline.params import read
    from pipeline.tools.bench import feed as bench
    from pipeline.tools.bench.loader_data import Setting
    from pipeline.train import Options

    chosen = Setting(
        latent=shape_of(latent),
        frames=frames,
        interval=interval,
        batch=batch,
        episodes=episodes,
        steps=steps,
        files=0,
        repeats=repeats,
    )
    options = read(params).section("train", Options)
    found = bench.run(chosen, processes, milliseconds or [20, 40, 80, 160], options)
    show(bench.table(found))
    print(
        f"{found.machine}; one thread draws a batch of {batch * processes} clips in "
        f"{found.draw_seconds * 1e3:.1f} ms"
    )
    if out is not None:
        stage.write_json(out, asdict(found))
