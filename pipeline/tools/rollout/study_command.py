"""`wm sampler-study MODEL LATENTS OUT`."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.arguments import PARAMS, Latents, ParamsFile, output
from pipeline.tools.rollout import options

Samplers = Annotated[
    list[str] | None,
    typer.Option("--sampler", help="Order of denoising; may be repeated. All by default."),
]
Spacings = Annotated[
    list[str] | None,
    typer.Option("--spacing", help="trailing or linspace; may be repeated. Both by default."),
]
StepCounts = Annotated[
    list[int] | None,
    typer.Option("--steps", help="Denoising steps; may be repeated. 1, 2, 4, 10, 50 by default."),
]


def command(
    model: options.ModelFolder,
    latents: Latents,
    out: Annotated[Path, output("OUT", "Folder for study.json, study.csv and study.svg.")],
    samplers: Samplers = None,
    spacings: Spacings = None,
    steps: StepCounts = None,
    clips: options.Clips = 16,
    frames: options.NewFrames = None,
    history: options.History = 1,
    simulate: options.Simulate = False,
    stabilisation: options.Stabilisation = 0.0,
    context: options.Context = None,
    batch: options.Batch = 16,
    seed: options.Seed = 42,
    shards: options.ShardsFolder = None,
    params: ParamsFile = PARAMS,
) -> None:
    """Compare steps, their order and their spacing on the same clips and noise.

    For each combination: latent error and PSNR with intervals, network evaluations and CPU time of
    a generated frame, as a table and as a plot.
    """
    from pipeline import stage
    from pipeline.tools.rollout.request import Start, Steps
    from pipeline.tools.rollout.study import Ways, show, write

    ways = Ways(samplers, spacings, steps)
    start = Start(clips, frames, history, simulate, None, 0, None, None)
    base = Steps(None, None, "trailing", stabilisation, context, seed, batch)
    with stage.timed(None) as summarise:
        source = shards or latents.parent.parent / "shards"
        rows = write(ways, start, base, (model, latents, source, params), out)
        show(rows)
        summarise(f"sampler-study: {len(rows)} ways to sample, in {out}")
