"""`wm bench sampler`, `train` and `cached`: the world model against the reference's work."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pipeline.arguments import PARAMS, ParamsFile
from pipeline.compute.compile_mode import Mode
from pipeline.compute.precision import Choice
from pipeline.tools.bench.cli import Batch, Out, Repeats
from pipeline.tools.tables import ActionDim, Frames, Latent, Patch, shape_of, show

if TYPE_CHECKING:
    from pipeline.tools.bench.results import Results

Name = Annotated[str, typer.Option("--size", help="Size of NanoWM.")]
Injection = Annotated[str, typer.Option(help="Action conditioning.")]
Context = Annotated[int, typer.Option(help="Context frames of the window.")]
Steps = Annotated[int, typer.Option(help="Denoising steps a frame.")]
Attention = Annotated[
    Literal["auto", "flash", "efficient", "math"], typer.Option(help="Attention kernel.")
]
Precision = Annotated[Choice, typer.Option(help="Precision of the network's matrix products.")]
Compiled = Annotated[Mode, typer.Option("--compile", help="torch.compile mode of every variant.")]


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
    """Time sampling by the published protocol, one frame after the other."""
    from pipeline.compute.device import pick, training_precision
    from pipeline.tools.bench import Sampling
    from pipeline.tools.bench import sampler as bench
    from pipeline.tools.bench.setting import check

    device = pick()
    setting = Sampling(
        size=size,
        patch=patch,
        injection=injection,
        latent=shape_of(latent),
        action_dim=action_dim,
        frames=frames,
        batch=batch,
        repeats=repeats,
        compiled=compiled,
        precision=training_precision(precision, device),
        context=context,
        steps=steps,
    )
    check(setting)
    _show(bench.run(setting, device), out)


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
    fused: Annotated[bool, typer.Option("--fused/--no-fused", help="Fused AdamW.")] = False,
    profile: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Profile of one of our steps; its trace is FILE.json."),
    ] = None,
    out: Out = None,
) -> None:
    """Time a training step on latents."""
    from pipeline.compute.device import pick, training_precision
    from pipeline.tools.bench import Training
    from pipeline.tools.bench import train as bench
    from pipeline.tools.bench.setting import check

    device = pick()
    setting = Training(
        size=size,
        patch=patch,
        injection=injection,
        latent=shape_of(latent),
        action_dim=action_dim,
        frames=frames,
        batch=batch,
        repeats=repeats,
        compiled=compiled,
        precision=training_precision(precision, device),
        attention=attention,
        fused=fused,
    )
    check(setting)
    bench.check(setting, device)
    _show(bench.run(setting, device, profile), out)


def cached(
    size: Name = "S",
    patch: Patch = 2,
    injection: Injection = "additive",
    pixels: Annotated[int, typer.Option(help="Side of a frame in pixels.")] = 256,
    action_dim: ActionDim = 7,
    frames: Frames = 4,
    batch: Batch = 2,
    repeats: Repeats = 3,
    compiled: Compiled = "none",
    precision: Precision = "auto",
    onednn: Annotated[
        bool, typer.Option("--onednn/--mkl", help="Library of float32 products on a CPU.")
    ] = False,
    out: Out = None,
    params: ParamsFile = PARAMS,
) -> None:
    """Time training on cached latents against the encoder in the loop."""
    from pipeline.compute.device import pick, training_precision
    from pipeline.params import read
    from pipeline.tools.bench import Caching
    from pipeline.tools.bench import cached as bench
    from pipeline.tools.bench.encode_cases import PUBLISHED
    from pipeline.tools.bench.setting import check
    from pipeline.train import Options

    _, widths = PUBLISHED["sd_vae"]
    device = pick()
    setting = Caching(
        size=size,
        patch=patch,
        injection=injection,
        latent=bench.latent_of(pixels, patch, widths),
        action_dim=action_dim,
        frames=frames,
        batch=batch,
        repeats=repeats,
        compiled=compiled,
        precision=training_precision(precision, device),
        pixels=pixels,
        widths=widths,
        onednn=onednn,
    )
    check(setting)
    results = bench.run(setting, read(params).section("train", Options), device)
    _show(results, out)
    print(f"waiting for data: {results.data_wait:.2%} of the training time on cached latents")


def _show(results: "Results", out: Path | None) -> None:
    """Print the results, and write them to `out` as JSON."""
    from pipeline import stage
    from pipeline.tools.bench.results import table

    show(table(results))
    machine = results.machine
    precision, peak = results.setting.precision, results.ceiling / 1e12
    print(f"{machine}, {precision}; outputs differ by {results.difference:.1e}")
    print(f"peak: {peak:.3g} TFLOP/s, measured by a matrix product in {precision}")
    if out is not None:
        stage.write_json(out, asdict(results))
