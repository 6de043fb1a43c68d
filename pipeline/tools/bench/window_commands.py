"""`wm bench loader`, `lance` and `feed`: loading windows of latents for training."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pipeline.arguments import PARAMS, ParamsFile
from pipeline.tools.bench.cli import Batch, Out, Repeats
from pipeline.tools.tables import Frames, Latent, shape_of, show

Interval = Annotated[int, typer.Option(min=1, help="Frame interval in environment steps.")]
Episodes = Annotated[int, typer.Option(min=1, help="Episodes in the latent cache.")]
Steps = Annotated[int, typer.Option(min=1, help="Steps an episode.")]


def loader(
    latent: Latent = "4x32x32",
    frames: Frames = 4,
    interval: Interval = 5,
    batch: Batch = 32,
    episodes: Episodes = 400,
    steps: Steps = 100,
    files: Annotated[int, typer.Option(min=1, help="Episodes as files of frames.")] = 8,
    repeats: Repeats = 20,
    out: Out = None,
) -> None:
    """Time loading windows of latents, against zarr and against episode files."""
    from pipeline.tools.bench import loader as bench
    from pipeline.tools.bench.loader_data import Setting
    from pipeline.tools.bench.rates import report

    setting = Setting(
        latent=shape_of(latent),
        frames=frames,
        interval=interval,
        batch=batch,
        episodes=episodes,
        steps=steps,
        files=files,
        repeats=repeats,
    )
    report(bench.run(setting), out)


def lance(
    raw: Annotated[Path, typer.Argument(metavar="RAW", help="Data set in its published layout.")],
    latent: Latent = "4x28x28",
    features: Annotated[
        str, typer.Option(metavar="CxHxW", help="Those of a deterministic encoder.")
    ] = "384x14x14",
    frames: Frames = 4,
    interval: Interval = 5,
    batch: Batch = 32,
    episodes: Annotated[int, typer.Option(min=1, help="Episodes to load from, at most.")] = 40,
    repeats: Repeats = 20,
    out: Out = None,
    params: ParamsFile = PARAMS,
) -> None:
    """Time loading windows of latents, against stable-worldmodel's reader of Lance tables."""
    from pipeline.collect.inventory import resolve
    from pipeline.formats import FORMATS
    from pipeline.params import read
    from pipeline.tools.bench import lance as bench
    from pipeline.tools.bench.rates import report

    source = read(params).variant(FORMATS).build().open(resolve(raw))
    setting = bench.Setting(
        vae=shape_of(latent),
        features=shape_of(features, "--features"),
        frames=frames,
        interval=interval,
        batch=batch,
        episodes=episodes,
        repeats=repeats,
    )
    report(bench.run(source, setting), out)


def feed(
    latent: Latent = "4x32x32",
    frames: Frames = 4,
    interval: Interval = 5,
    batch: Annotated[int, typer.Option(min=1, help="Clips a process.")] = 64,
    processes: Annotated[int, typer.Option(min=1, help="World size.")] = 1,
    milliseconds: Annotated[
        list[float] | None,
        typer.Option("--ms", min=0.001, help="Duration of a step on the device; may be repeated."),
    ] = None,
    episodes: Episodes = 400,
    steps: Steps = 100,
    repeats: Annotated[int, typer.Option(min=2, help="Batches to draw.")] = 100,
    out: Out = None,
    params: ParamsFile = PARAMS,
) -> None:
    """Time drawing batches, and the data wait beside devices of several speeds."""
    from pipeline import stage
    from pipeline.params import read
    from pipeline.tools.bench import feed as bench
    from pipeline.tools.bench.loader_data import Setting
    from pipeline.train import Options

    setting = Setting(
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
    results = bench.run(setting, processes, milliseconds or [20, 40, 80, 160], options)
    show(bench.table(results))
    print(
        f"{results.machine}; one thread draws a batch of {batch * processes} clips in "
        f"{results.draw_seconds * 1e3:.1f} ms"
    )
    if out is not None:
        stage.write_json(out, asdict(results))
