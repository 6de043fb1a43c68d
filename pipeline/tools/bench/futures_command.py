"""`wm bench futures`: a round of a search, against the reference's."""

from typing import Annotated

import typer

from pipeline.tools.bench.cli import Out, Repeats
from pipeline.tools.bench.model_commands import Injection, Name
from pipeline.tools.tables import ActionDim, Frames, Latent, Patch, shape_of


def futures(
    size: Name = "S",
    patch: Patch = 2,
    injection: Injection = "additive",
    latent: Latent = "4x32x32",
    pixels: Annotated[
        int,
        typer.Option(min=0, help="Side of the encoded frame in pixels; 0 for latents of --latent."),
    ] = 256,
    action_dim: ActionDim = 10,
    frames: Frames = 4,
    candidates: Annotated[int, typer.Option(min=1, help="Candidates of a round.")] = 64,
    timed: Annotated[int, typer.Option(min=1, help="Candidates that are timed, in one batch.")] = 2,
    horizon: Annotated[int, typer.Option(min=1, help="Frames of a plan.")] = 3,
    reference_steps: Annotated[
        int,
        typer.Option(min=1, max=1000, help="Denoising steps of the reference, all frames at once."),
    ] = 20,
    steps: Annotated[
        list[int] | None,
        typer.Option(min=1, max=1000, help="Denoising steps a frame of ours; may be repeated."),
    ] = None,
    repeats: Repeats = 3,
    out: Out = None,
) -> None:
    """Time the rollouts of a planner's candidates."""
    from pipeline.compute.device import pick
    from pipeline.errors import ParamsError
    from pipeline.tools.bench import Searching
    from pipeline.tools.bench import futures as bench
    from pipeline.tools.bench.cached import latent_of
    from pipeline.tools.bench.encode_cases import PUBLISHED
    from pipeline.tools.bench.futures_results import report
    from pipeline.tools.bench.setting import check

    if timed > candidates:
        raise ParamsError(f"--timed = {timed} exceeds --candidates = {candidates}; lower --timed")
    _, widths = PUBLISHED["sd_vae"]
    setting = Searching(
        size=size,
        patch=patch,
        injection=injection,
        latent=latent_of(pixels, patch, widths) if pixels else shape_of(latent),
        action_dim=action_dim,
        frames=frames,
        batch=timed,
        repeats=repeats,
        compiled="none",
        precision="float32",
        pixels=pixels,
        widths=widths,
        candidates=candidates,
        horizon=horizon,
        reference_steps=reference_steps,
        steps=tuple(steps or (2, 1)),
    )
    check(setting)
    report(bench.run(setting, pick()), out)
