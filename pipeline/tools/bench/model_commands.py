"""`wm bench sampler`, `train` and `cached`: the world model with and without its savings."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pipeline.arguments import PARAMS, ParamsFile
from pipeline.compute.compile_mode import Mode
from pipeline.compute.precision import Choice
from pipeline.tools.bench.words import Batch, Out, Repeats
from pipeline.tools.tables import ActionDim, Frames, Latent, Patch, shape_of, show

if TYPE_CHECKING:
    from pipeline.tools.bench.results import Results

Name = Annotated[str, typer.Option("--size", help="Size of NanoWM.")]
Injection = Annotated[str, typer.Option(help="How actions enter.")]
Context = Annotated[int, typer.Option(help="Frames of the window that are given.")]
Steps = Annotated[int, typer.Option(help="Denoising steps of a frame.")]
Attention = Annotated[
    Literal["auto", "flash", "efficient", "math"], typer.Option(help="Kernel of attention.")
]
Precision = Annotated[Choice, typer.Option(help="Of the network's products.")]
Compiled = Annotated[Mode, typer.Option("--compile", help="Every variant, by torch.compile.")]


def sampler(
    size: Name = "S",
    patch: Patch = 2,
    injection: Injection = "additive",
    latent: Latent = "4x32x32",
    action_dim: ActionDim = 7,
    frames: Frames = 4,
    context: Context = 1,
    steps: Steps = 10,
    batch: Batch = 1,
    repeats: Repeats = 5,
    compiled: Compiled = "none",
    precision: Precision = "auto",
    out: Out = None,
) -> None:
    """Generate frames as the published protocol does, one after the other."""
    from pipeline.compute import device
    from pipeline.tools.bench import Sampling, setting
    from pipeline.tools.bench import sampler as bench

    where = device.pick()
    chosen = Sampling(
        size=size,
        patch=patch,
        injection=injection,
        latent=shape_of(latent),
        action_dim=action_dim,
        frames=frames,
        batch=batch,
        repeats=repeats,
        compiled=compiled,
        precision=device.training_precision(precision, where),
        context=context,
        steps=steps,
    )
    setting.check(chosen)
    _show(bench.run(chosen, where), out)


def train(
    size: Name = "S",
    patch: Patch = 2,
    injection: Injection = "additive",
    latent: Latent = "4x32x32",
    action_dim: ActionDim = 7,
    frames: Frames = 4,
    batch: Batch = 2,
    repeats: Repeats = 5,
    compiled: Compiled = "none",
    precision: Precision = "auto",
    attention: Attention = "auto",
    fused: Annotated[bool, typer.Option("--fused/--no-fused", help="AdamW in one kernel.")] = False,
    profile: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="For a profile of our step; a trace goes to FILE.json."),
    ] = None,
    out: Out = None,
) -> None:
    """Train on cached latents, step by step."""
    from pipeline.compute import device
    from pipeline.tools.bench import Training, setting
    from pipeline.tools.bench import train as bench

    where = device.pick()
    chosen = Training(
        size=size,
        patch=patch,
        injection=injection,
        latent=shape_of(latent),
        action_dim=action_dim,
        frames=frames,
        batch=batch,
        repeats=repeats,
        compiled=compiled,
        precision=device.training_precision(precision, where),
        attention=attention,
        fused=fused,
    )
    setting.check(chosen)
    bench.check(chosen, where)
    _show(bench.run(chosen, where, profile), out)


def cached(
    size: Name = "S",
    patch: Patch = 2,
    injection: Injection = "additive",
    pixels: Annotated[int, typer.Option(help="Side of a frame.")] = 256,
    action_dim: ActionDim = 7,
    frames: Frames = 4,
    batch: Batch = 2,
    repeats: Repeats = 3,
    compiled: Compiled = "none",
    precision: Precision = "auto",
    onednn: Annotated[
        bool, typer.Option("--onednn/--mkl", help="Whose products of float32, on a CPU.")
    ] = False,
    out: Out = None,
    params: ParamsFile = PARAMS,
) -> None:
    """Train on cached latents, and with the encoder in the loop."""
    from pipeline.compute import device
    from pipeline.params import read
    from pipeline.tools.bench import Caching, setting
    from pipeline.tools.bench import cached as bench
    from pipeline.tools.bench.encode_cases import PUBLISHED
    from pipeline.train import Options

    _, widths = PUBLISHED["sd_vae"]
    where = device.pick()
    chosen = Caching(
        size=size,
        patch=patch,
        injection=injection,
        latent=bench.latent_of(pixels, patch, widths),
        action_dim=action_dim,
        frames=frames,
        batch=batch,
        repeats=repeats,
        compiled=compiled,
        precision=device.training_precision(precision, where),
        pixels=pixels,
        widths=widths,
        onednn=onednn,
    )
    setting.check(chosen)
    found = bench.run(chosen, read(params).section("train", Options), where)
    _show(found, out)
    print(f"waiting for data: {found.data_wait:.2%} of the time of training on the cache")


def _show(results: "Results", out: Path | None) -> None:
    """Print a table, and write the JSON if asked to."""
    from pipeline import stage
    from pipeline.tools.bench.results import table

    show(table(results))
    machine = results.machine
    precision, ceiling = results.setting.precision, results.ceiling / 1e12
    print(f"{machine}, {precision}; answers differ by {results.difference:.1e}")
    print(f"ceiling: {ceiling:.3g} TFLOP/s in a measured matrix product of {precision}")
    if out is not None:
        stage.write_json(out, asdict(results))
