"""`python -m pipeline.train LATENTS WORLD_MODEL METRICS CURVE`."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline import stage
from pipeline.arguments import PARAMS, Latents, ParamsFile, SecondsFile, output


def command(
    latents: Latents,
    out: Annotated[Path, output("WORLD_MODEL", "Folder for the trained model.")],
    metrics: Annotated[Path, output("METRICS", "JSON file for the final loss.")],
    curve: Annotated[Path, output("CURVE", "CSV file for the loss curve.")],
    params: ParamsFile = PARAMS,
    seconds: SecondsFile = None,
    logs: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Folder for TensorBoard events.")
    ] = None,
) -> None:
    """Train a diffusion-forcing world model on cached latents; resume what was interrupted."""
    from pipeline.distributed import Options
    from pipeline.params import read
    from pipeline.train.launch import launch
    from pipeline.train.work import Paths, work

    options = read(params).section("distributed", Options)
    launch(work, options, Paths(latents, out, metrics, curve, params, seconds, logs))


if __name__ == "__main__":
    stage.main(command)
