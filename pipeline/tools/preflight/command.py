"""`wm preflight`."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.arguments import PARAMS, ParamsFile
from pipeline.tools.tables import ActionDim, Latent, shape_of


def command(
    subject: Annotated[
        str | None,
        typer.Argument(
            metavar="[LATENTS|PRESET]",
            help="Cache written by encode, if there is one; with --run a run of the paper, as in "
            "`wm reproduce --list` [default: params.yaml as it is].",
        ),
    ] = None,
    params: ParamsFile = PARAMS,
    run: Annotated[
        bool,
        typer.Option("--run", help="Run the stages at a reduced scale; say what that verified."),
    ] = False,
    json_: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="JSON file for what --run finds."),
    ] = None,
    memory: Annotated[
        float | None,
        typer.Option(
            metavar="GB", help="Memory of a GPU that computes in bfloat16; default: this machine."
        ),
    ] = None,
    latent: Latent = "4x32x32",
    action_dim: ActionDim = 10,
    published: Annotated[
        Path, typer.Option(metavar="FILE", help="Runs of the paper, for --run.")
    ] = Path("published.json"),
) -> None:
    """Estimate memory and cost of training; exit with 2 if it does not fit, naming what would.

    Without LATENTS, their shape is given by --latent and --action-dim. With --run, every stage up
    to sampling runs at a reduced scale first, in a temporary folder.
    """
    from pipeline.errors import ParamsError

    if run:
        from pipeline.tools.preflight.run import Request, preflight

        preflight(Request(params, subject, published, memory, json_))
        return
    if json_ is not None:
        raise ParamsError("--json is the file for what --run finds; add --run")
    print(_estimate(params, Path(subject) if subject else None, memory, latent, action_dim))


def _estimate(
    params: Path, latents: Path | None, memory: float | None, latent: str, action_dim: int
) -> str:
    """Memory and cost as one line."""
    from pipeline.denoisers import DENOISERS, Size
    from pipeline.latents.cache import open_cache
    from pipeline.latents.cameras import MOTION
    from pipeline.params import read
    from pipeline.tools.preflight.forecast import available_to, plan_of
    from pipeline.train import Options
    from pipeline.train.memory.forecast import check
    from pipeline.train.setup import model_config

    settings = read(params)
    if latents:
        size = model_config(settings, open_cache(latents).spec).size
    else:
        variant = settings.variant(DENOISERS)
        size = Size(
            latent_shape=shape_of(latent),
            action_dim=action_dim,
            frames=settings.section("train", Options).frames,
            motion_dim=MOTION if variant.module.takes_cameras(variant.options) else 0,
        )
    return check(plan_of(settings, size), available_to(settings, memory))
