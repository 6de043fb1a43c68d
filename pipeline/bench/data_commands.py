"""`wm bench formats`, `ingest`, `encode`, `loader` and `feed`: frames on their way to training."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.arguments import PARAMS, ParamsFile
from pipeline.bench.words import Batch, Out, Repeats
from pipeline.tools import Frames, Latent, shape_of, show

if TYPE_CHECKING:
    from pipeline.bench.rates import Rates


def formats(
    raw: Annotated[Path, typer.Argument(metavar="RAW", help="Data set in its published layout.")],
    episodes: Annotated[int, typer.Option(min=1, help="Episodes to time.")] = 8,
    repeats: Repeats = 5,
    out: Out = None,
    params: ParamsFile = PARAMS,
) -> None:
    """Store and read frames in every format of shards: speed and size."""
    from pipeline import stage, variants
    from pipeline.bench import formats as bench
    from pipeline.collect.inventory import located
    from pipeline.params import read

    chosen = read(params).variant(variants.DATASETS)
    found = bench.run(chosen.build().open(located(raw)), chosen.name, episodes, repeats)
    show(bench.table(found))
    print(f"{found.frames} frames of {found.episodes} episodes of {found.dataset}")
    if out is not None:
        stage.write_json(out, asdict(found))


def ingest(
    raw: Annotated[Path, typer.Argument(metavar="RAW", help="Data set in its published layout.")],
    episodes: Annotated[int, typer.Option(min=1, help="Episodes to time.")] = 4,
    frames: Annotated[int, typer.Option(min=1, help="Frames of a clip.")] = 4,
    repeats: Repeats = 5,
    out: Out = None,
    params: ParamsFile = PARAMS,
) -> None:
    """Read and ingest frames once, next to the published loader's clip at every step."""
    import torch

    from pipeline import stage, variants
    from pipeline.bench import ingest as bench
    from pipeline.collect.inventory import located
    from pipeline.ingest import Options
    from pipeline.params import read

    torch.set_num_threads(1)
    settings = read(params)
    chosen = settings.variant(variants.DATASETS)
    dataset, options = chosen.build(), settings.section("ingest", Options)
    found = bench.run(
        dataset.open(located(raw)),
        chosen.name,
        dataset.interval,
        options,
        episodes=episodes,
        clip_frames=frames,
        repeats=repeats,
    )
    show(bench.table(found))
    print(
        f"{found.frames} frames of {found.episodes} episodes of {found.dataset}, {found.clips} "
        f"clips; ingest is paid for after {found.paid_after:.2f} clips a recorded frame"
    )
    if out is not None:
        stage.write_json(out, asdict(found))


def encode(
    encoder: Annotated[
        str, typer.Option(help="sd_vae, against diffusers, or web_dino, against transformers.")
    ] = "sd_vae",
    size: Annotated[
        int | None, typer.Option(min=14, help="Side of a frame in pixels; else as published.")
    ] = None,
    batch: Annotated[int, typer.Option(min=1, help="Frames at a time.")] = 4,
    batches: Annotated[int, typer.Option(min=1, help="Batches in a round.")] = 1,
    repeats: Repeats = 5,
    compiled: Annotated[bool, typer.Option("--compile/--no-compile", help="Compile ours.")] = False,
    out: Out = None,
) -> None:
    """Encode frames, against the plain call of the library that the network comes from."""
    from pipeline import device
    from pipeline.bench import encode as bench
    from pipeline.bench.encode_cases import PUBLISHED
    from pipeline.errors import ParamsError, did_you_mean

    if encoder not in PUBLISHED:
        raise ParamsError(f"--encoder = {encoder!r}: {did_you_mean(encoder, PUBLISHED)}")
    side, widths = PUBLISHED[encoder]
    chosen = bench.Setting(
        encoder=encoder,
        size=size or side,
        batch=batch,
        batches=batches,
        widths=widths,
        repeats=repeats,
        compiled=compiled,
    )
    _show_rates(bench.run(chosen, device.pick()), out)


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
    from pipeline.bench import loader as bench
    from pipeline.bench.loader_data import Setting

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
    _show_rates(bench.run(chosen), out)


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
    from pipeline.bench import feed as bench
    from pipeline.bench.loader_data import Setting
    from pipeline.params import read
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


def _show_rates(found: "Rates", out: Path | None) -> None:
    """Print a table, and write the JSON if asked to."""
    from pipeline import stage
    from pipeline.bench.rates import table

    show(table(found))
    print(f"{found.machine}; answers differ by {max(found.difference.values()):.1e}")
    if out is not None:
        stage.write_json(out, asdict(found))
