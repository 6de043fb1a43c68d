"""`python -m pipeline.distill LATENTS WORLD_MODEL TRAJECTORIES STUDENT METRICS`."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline import stage
from pipeline.arguments import PARAMS, Latents, Model, ParamsFile, SecondsFile, output


def command(
    latents: Latents,
    world_model: Model,
    trajectories: Annotated[
        Path, typer.Argument(metavar="TRAJECTORIES", help="Trajectories of the world model.")
    ],
    out: Annotated[Path, output("STUDENT", "Folder for the student, a world model itself.")],
    metrics: Annotated[Path, output("METRICS", "JSON file: how it was made.")],
    params: ParamsFile = PARAMS,
    seconds: SecondsFile = None,
) -> None:
    """Distil a world model into one of a few denoising steps; resumes an interrupted run."""
    from pipeline.files import skipped
    from pipeline.metrics.schema.distill import DistillSkipped
    from pipeline.params import read

    if skipped.value(params, "distill", "method") == "none":
        with stage.timed(seconds) as summarise:
            reason = "distill.method is none"
            skipped.write_reason(out, reason)
            DistillSkipped(skipped=reason).write(metrics)
            summarise(f"distill: skipped, because {reason}")
        return
    from pipeline.distill.worker import Paths, work
    from pipeline.train.distributed.launch import launch
    from pipeline.train.distributed.options import Options as DistributedOptions

    distributed = read(params).section("distributed", DistributedOptions)
    sources = (latents, world_model, trajectories)
    launch(work, distributed, Paths(*sources, out, metrics, params, seconds))


if __name__ == "__main__":
    stage.main(command)
