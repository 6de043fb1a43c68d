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
    from pipeline import device
    from pipeline.latent_cache import open_cache
    from pipeline.params import read
    from pipeline.train.curve import final_loss, write_csv
    from pipeline.train.run import prepare, resume_and_run

    with stage.timed(seconds) as say:
        trainer = prepare(read(params), open_cache(latents), device.pick())
        with stage.scratch("train", *trainer.identity()) as scratch:
            taken = resume_and_run(trainer, scratch, logs)
            with stage.output(out) as partial:
                trainer.model.save_pretrained(partial)
            write_csv(trainer.curve, curve)
            loss, size = final_loss(trainer.curve), trainer.model.parameters()
            stage.write_json(metrics, {"loss": loss, "steps": trainer.done, "parameters": size})
        say(
            f"train: {trainer.done} steps, {size:,} parameters, loss {loss:.4f}, in {out}",
            taken,
            "steps",
        )


if __name__ == "__main__":
    stage.main(command)
