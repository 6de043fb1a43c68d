"""`wm preflight`: whether training as params.yaml describes it will fit a device."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.arguments import PARAMS, ParamsFile
from pipeline.tools.tables import ActionDim, Latent, shape_of


def command(
    latents: Annotated[
        Path | None,
        typer.Argument(metavar="LATENTS", help="Cache written by encode, if there is one yet."),
    ] = None,
    params: ParamsFile = PARAMS,
    memory: Annotated[
        float | None,
        typer.Option(metavar="GB", help="Of a GPU that computes in bfloat16; or this one."),
    ] = None,
    latent: Latent = "4x32x32",
    action_dim: ActionDim = 10,
) -> None:
    """Say what training will need of each device, or exit with 2 and what would make it fit.

    Without LATENTS their shape is that of --latent and --action-dim.
    """
    from pipeline.compute import device
    from pipeline.denoisers import Size
    from pipeline.errors import ParamsError
    from pipeline.families import DENOISERS
    from pipeline.latents.cache import open_cache
    from pipeline.params import read
    from pipeline.train import Options
    from pipeline.train.distributed import options as distributed
    from pipeline.train.memory.available import AvailableMemory, room
    from pipeline.train.memory.forecast import TrainingPlan, check
    from pipeline.train.setup import model_config, variant_config

    settings = read(params)
    options = settings.section("train", Options)
    where = settings.section("distributed", distributed.Options)
    if latents:
        size = model_config(settings, open_cache(latents).spec).size
    else:
        shape = shape_of(latent)
        size = Size(latent_shape=shape, action_dim=action_dim, frames=options.frames)
    processes = where.processes or len(device.every())
    offered = room(device.pick(), processes)
    if memory is not None:
        if not 0 < memory * 1e9 < float("inf"):
            raise ParamsError(f"--memory {memory}: is no size of a GPU; give its GB, such as 24")
        offered = AvailableMemory(int(memory * 1e9), gpu=True, bfloat16=True)
    print(
        check(
            TrainingPlan(
                variant_config(settings, DENOISERS), size, options, processes, where.strategy
            ),
            offered,
        )
    )
