"""`wm bench rollout`: long rollouts, against the reference's."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pipeline.arguments import PARAMS, ParamsFile
from pipeline.tools.bench.cli import Batch, Out, Repeats
from pipeline.tools.bench.model_commands import Compiled, Context, Injection, Name, Steps
from pipeline.tools.tables import ActionDim, Frames, Latent, Patch, shape_of

New = Annotated[int, typer.Option(min=1, help="Frames to generate.")]
Model = Annotated[
    Path | None, typer.Option(metavar="MODEL", help="Folder of a model, to measure the memory of.")
]
Latents = Annotated[
    Path | None, typer.Option(metavar="LATENTS", help="Its latents, whose set is simulated.")
]
Short = Annotated[int, typer.Option(min=1, help="Frames of the short rollout.")]
Long = Annotated[int, typer.Option(min=1, help="Frames of the long rollout.")]


def rollout(
    size: Name = "S",
    patch: Patch = 2,
    injection: Injection = "additive",
    latent: Latent = "4x32x32",
    action_dim: ActionDim = 7,
    frames: Frames = 4,
    context: Context = 1,
    steps: Steps = 50,
    new: New = 6,
    batch: Batch = 1,
    repeats: Repeats = 3,
    compiled: Compiled = "default",
    model: Model = None,
    latents: Latents = None,
    short: Short = 50,
    long: Long = 2000,
    out: Out = None,
    params: ParamsFile = PARAMS,
) -> None:
    """Time a sliding-window rollout; with a model, compare the memory of a long and a short one."""
    from pipeline import stage
    from pipeline.compute.device import pick
    from pipeline.errors import ParamsError
    from pipeline.tools.bench import rollout as bench
    from pipeline.tools.bench.rates import report
    from pipeline.tools.bench.setting import check
    from pipeline.tools.tables import at_least

    if (model is None) != (latents is None):
        raise ParamsError("--model and --latents belong together; give both, or neither")
    setting = bench.Rolling(
        size=size,
        patch=patch,
        injection=injection,
        latent=shape_of(latent),
        action_dim=action_dim,
        frames=frames,
        batch=batch,
        repeats=repeats,
        compiled=compiled,
        precision="float32",
        context=context,
        steps=steps,
        new=new,
    )
    check(setting)
    at_least(1, context=context, steps=steps)
    if context >= frames:
        raise ParamsError(f"--context = {context} leaves nothing to generate; lower it")
    results, used = bench.run(setting, pick()), None
    report(results, None)
    if model is not None and latents is not None:
        used = bench.memory(model, latents, short, long, params)
        print(f"peak memory: {used.short:.0f} MB for {short} frames, {used.long:.0f} for {long}")
    if out is not None:
        stage.write_json(out, {**asdict(results), "memory": used and asdict(used)})
