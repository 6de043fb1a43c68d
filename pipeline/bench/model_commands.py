"""`wm bench sampler` and `wm bench train`: the world model with and without its savings."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.bench.words import Batch, Out, Repeats
from pipeline.tools import ActionDim, Frames, Latent, Patch, shape_of, show

if TYPE_CHECKING:
    from pipeline.bench.results import Results

Name = Annotated[str, typer.Option("--size", help="Size of NanoWM.")]
Injection = Annotated[str, typer.Option(help="How actions enter.")]
Context = Annotated[int, typer.Option(help="Frames of the window that are given.")]
Steps = Annotated[int, typer.Option(help="Denoising steps of a frame.")]
Compiled = Annotated[bool, typer.Option("--compile/--no-compile", help="Compile every variant.")]


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
    compiled: Compiled = False,
    out: Out = None,
) -> None:
    """Generate frames as the published protocol does, one after the other."""
    from pipeline import device
    from pipeline.bench import Sampling, setting
    from pipeline.bench import sampler as bench

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
        context=context,
        steps=steps,
    )
    setting.check(chosen)
    _show(bench.run(chosen, device.pick()), out)


def train(
    size: Name = "S",
    patch: Patch = 2,
    injection: Injection = "additive",
    latent: Latent = "4x32x32",
    action_dim: ActionDim = 7,
    frames: Frames = 4,
    batch: Batch = 2,
    repeats: Repeats = 5,
    compiled: Compiled = False,
    out: Out = None,
) -> None:
    """Train on cached latents, step by step."""
    from pipeline import device
    from pipeline.bench import Setting, setting
    from pipeline.bench import train as bench

    chosen = Setting(
        size=size,
        patch=patch,
        injection=injection,
        latent=shape_of(latent),
        action_dim=action_dim,
        frames=frames,
        batch=batch,
        repeats=repeats,
        compiled=compiled,
    )
    setting.check(chosen)
    _show(bench.run(chosen, device.pick()), out)


def _show(results: "Results", out: Path | None) -> None:
    """Print a table, and write the JSON if asked to."""
    from pipeline import stage
    from pipeline.bench.results import table

    show(table(results))
    machine = results.machine
    print(f"{machine}, {machine.dtype}; answers differ by {results.difference:.1e}")
    if machine.ceiling is not None:
        print(f"bf16 peak: {machine.ceiling / 1e12:.0f} TFLOP/s in a measured matrix product")
    if out is not None:
        stage.write_json(out, asdict(results))
