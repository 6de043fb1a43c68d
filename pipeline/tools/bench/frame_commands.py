"""`wm bench formats`, `ingest` and `encode`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pipeline.arguments import PARAMS, ParamsFile
from pipeline.compute.compile_mode import Mode
from pipeline.tools.bench.cli import Out, Repeats
from pipeline.tools.tables import show


def formats(
    raw: Annotated[Path, typer.Argument(metavar="RAW", help="Data set in its published layout.")],
    episodes: Annotated[int, typer.Option(min=1, help="Episodes to time.")] = 8,
    repeats: Repeats = 5,
    out: Out = None,
    params: ParamsFile = PARAMS,
) -> None:
    """Time every format of frames in shards, and measure its size."""
    from pipeline import stage
    from pipeline.collect.inventory import resolve
    from pipeline.formats import FORMATS
    from pipeline.params import read
    from pipeline.tools.bench import formats as bench

    settings = read(params)
    source = settings.variant(FORMATS).build().open(resolve(raw))
    results = bench.run(source, settings.dataset, episodes, repeats)
    show(bench.table(results))
    print(f"{results.frames} frames of {results.episodes} episodes of {results.dataset}")
    if out is not None:
        stage.write_json(out, asdict(results))


def ingest(
    raw: Annotated[Path, typer.Argument(metavar="RAW", help="Data set in its published layout.")],
    episodes: Annotated[int, typer.Option(min=1, help="Episodes to time.")] = 4,
    frames: Annotated[int, typer.Option(min=1, help="Frames of a clip.")] = 4,
    repeats: Repeats = 5,
    out: Out = None,
    params: ParamsFile = PARAMS,
) -> None:
    """Time ingest, once a frame, and the reference's loader, once a clip and step."""
    import torch

    from pipeline import stage
    from pipeline.collect.inventory import resolve
    from pipeline.formats import FORMATS, frame_interval
    from pipeline.ingest import Options
    from pipeline.params import read
    from pipeline.tools.bench import ingest as bench

    torch.set_num_threads(1)
    settings = read(params)
    variant = settings.variant(FORMATS)
    options = settings.section("ingest", Options)
    root = resolve(raw)
    results = bench.run(
        variant.build().open(root),
        settings.dataset,
        root,
        frame_interval(variant),
        options,
        episodes=episodes,
        clip_frames=frames,
        repeats=repeats,
    )
    show(bench.table(results))
    print(
        f"{results.frames} frames of {results.episodes} episodes of {results.dataset}, "
        f"{results.clips} clips; ingest pays off after {results.paid_after:.2f} clips a frame"
    )
    if out is not None:
        stage.write_json(out, asdict(results))


def encode(
    encoder: Annotated[
        str, typer.Option(help="sd_vae (against diffusers) or web_dino (against transformers).")
    ] = "sd_vae",
    size: Annotated[
        int | None,
        typer.Option(min=14, help="Side of a frame in pixels [default: the encoder's own]."),
    ] = None,
    batch: Annotated[int, typer.Option(min=1, help="Frames a batch.")] = 4,
    batches: Annotated[int, typer.Option(min=1, help="Batches a round.")] = 1,
    repeats: Repeats = 5,
    compiled: Annotated[
        Mode, typer.Option("--compile", help="torch.compile mode of ours.")
    ] = "none",
    out: Out = None,
) -> None:
    """Time encoding against a plain call of the library that the network comes from."""
    from pipeline.compute import device
    from pipeline.errors import ParamsError, did_you_mean
    from pipeline.tools.bench import encode as bench
    from pipeline.tools.bench.encode_cases import PUBLISHED
    from pipeline.tools.bench.rates import report

    if encoder not in PUBLISHED:
        raise ParamsError(f"--encoder = {encoder!r}: {did_you_mean(encoder, PUBLISHED)}")
    side, widths = PUBLISHED[encoder]
    setting = bench.Setting(
        encoder=encoder,
        size=size or side,
        batch=batch,
        batches=batches,
        widths=widths,
        repeats=repeats,
        compiled=compiled,
    )
    report(bench.run(setting, device.pick()), out)
