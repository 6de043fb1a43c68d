"""`wm bench formats`, `ingest` and `encode`: what becomes of frames."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pipeline.arguments import PARAMS, ParamsFile
from pipeline.compute.compile_mode import Mode
from pipeline.tools.bench.words import Out, Repeats
from pipeline.tools.tables import show


def formats(
    raw: Annotated[Path, typer.Argument(metavar="RAW", help="Data set in its published layout.")],
    episodes: Annotated[int, typer.Option(min=1, help="Episodes to time.")] = 8,
    repeats: Repeats = 5,
    out: Out = None,
    params: ParamsFile = PARAMS,
) -> None:
    """Store and read frames in every format of shards: speed and size."""
    from pipeline import families as variants
    from pipeline import stage
    from pipeline.collect.inventory import resolve
    from pipeline.params import read
    from pipeline.tools.bench import formats as bench

    chosen = read(params).variant(variants.DATASETS)
    found = bench.run(chosen.build().open(resolve(raw)), chosen.name, episodes, repeats)
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

    from pipeline import families as variants
    from pipeline import stage
    from pipeline.collect.inventory import resolve
    from pipeline.ingest import Options
    from pipeline.params import read
    from pipeline.tools.bench import ingest as bench

    torch.set_num_threads(1)
    settings = read(params)
    chosen = settings.variant(variants.DATASETS)
    dataset, options = chosen.build(), settings.section("ingest", Options)
    root = resolve(raw)
    found = bench.run(
        dataset.open(root),
        chosen.name,
        root,
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
    compiled: Annotated[Mode, typer.Option("--compile", help="Ours, by torch.compile.")] = "none",
    out: Out = None,
) -> None:
    """Encode frames, against the plain call of the library that the network comes from."""
    from pipeline.compute import device
    from pipeline.errors import ParamsError, did_you_mean
    from pipeline.tools.bench import encode as bench
    from pipeline.tools.bench.encode_cases import PUBLISHED
    from pipeline.tools.bench.rates import tell

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
    tell(bench.run(chosen, device.pick()), out)
