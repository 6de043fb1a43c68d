"""`python -m pipeline.train LATENTS CODEC WORLD_MODEL METRICS CURVE LEVELS VALIDATION SAMPLES`."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline import stage
from pipeline.arguments import PARAMS, Codec, Latents, ParamsFile, SecondsFile, output


def command(
    latents: Latents,
    codec: Codec,
    out: Annotated[Path, output("WORLD_MODEL", "Folder for the trained model.")],
    metrics: Annotated[Path, output("METRICS", "JSON file for the final losses.")],
    curve: Annotated[Path, output("CURVE", "CSV file for the loss curve.")],
    levels: Annotated[Path, output("LEVELS", "CSV file: the final error by noise level.")],
    validation: Annotated[Path, output("VALIDATION", "CSV file: validation errors.")],
    samples: Annotated[Path, output("SAMPLES", "PNG file: ground truth above generated clips.")],
    params: ParamsFile = PARAMS,
    seconds: SecondsFile = None,
    logs: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Folder for experiment trackers.")
    ] = None,
) -> None:
    """Train a world model on cached latents; resumes an interrupted run."""
    from pipeline.params import read
    from pipeline.train.distributed.launch import launch
    from pipeline.train.distributed.options import Options
    from pipeline.train.paths import Paths
    from pipeline.train.worker import work

    options = read(params).section("distributed", Options)
    outputs = (out, metrics, curve, levels, validation, samples)
    launch(work, options, Paths(latents, codec, *outputs, params, seconds, logs))


if __name__ == "__main__":
    stage.main(command)
