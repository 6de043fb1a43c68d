"""`wm preflight`: whether training by a params.yaml fits into the memory of a device."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.arguments import PARAMS, ParamsFile
from pipeline.tools.tables import ActionDim, Latent, shape_of


def command(
    latents: Annotated[
        Path | None,
        typer.Argument(metavar="LATENTS", help="Cache written by encode, if there is one."),
    ] = None,
    params: ParamsFile = PARAMS,
    memory: Annotated[
        float | None,
        typer.Option(
            metavar="GB", help="Memory of a GPU that computes in bfloat16; default: this machine."
        ),
    ] = None,
    latent: Latent = "4x32x32",
    action_dim: ActionDim = 10,
) -> None:
    """Estimate memory and cost of training; exit with 2 if it does not fit, naming what would.

    Without LATENTS, their shape is given by --latent and --action-dim.
    """
    from pipeline.compute import device
    from pipeline.denoisers import DENOISERS, Size
    from pipeline.errors import ParamsError
    from pipeline.latents.cache import open_cache
    from pipeline.latents.cameras import MOTION
    from pipeline.params import read
    from pipeline.train import Options
    from pipeline.train.distributed import options as distributed
    from pipeline.train.memory.available import AvailableMemory, available_memory
    from pipeline.train.memory.forecast import TrainingPlan, check
    from pipeline.train.setup import model_config, variant_config

    settings = read(params)
    options = settings.section("train", Options)
    distribution = settings.section("distributed", distributed.Options)
    if latents:
        size = model_config(settings, open_cache(latents).spec).size
    else:
        shape = shape_of(latent)
        variant = settings.variant(DENOISERS)
        size = Size(
            latent_shape=shape,
            action_dim=action_dim,
            frames=options.frames,
            motion_dim=MOTION if variant.module.takes_cameras(variant.options) else 0,
        )
    processes = distribution.processes or len(device.all_devices())
    available = available_memory(device.pick(), processes)
    if memory is not None:
        if not 0 < memory * 1e9 < float("inf"):
            raise ParamsError(f"--memory {memory}: not a memory size; give GB, such as 24")
        available = AvailableMemory(int(memory * 1e9), gpu=True, bfloat16=True)
    denoiser = variant_config(settings, DENOISERS)
    plan = TrainingPlan(denoiser, size, options, processes, distribution.strategy)
    print(check(plan, available))
