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
    levels: Annotated[Path, output("LEVELS", "CSV file: the last error by noise level.")],
    validation: Annotated[Path, output("VALIDATION", "CSV file: what validation saw.")],
    samples: Annotated[Path, output("SAMPLES", "PNG file: generated clips under the truth.")],
    params: ParamsFile = PARAMS,
    seconds: SecondsFile = None,
    logs: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Folder for what trackers write.")
    ] = None,
) -> None:
    """Train a diffusion-forcing world model on cached latents; resume what was interrupted."""
    from pipeline import device, encoders, tracking
    from pipeline.latent_cache import open_cache
    from pipeline.params import read
    from pipeline.train import curve as curves
    from pipeline.train import validation as looks
    from pipeline.train.run import prepare, resume_and_run

    with stage.timed(seconds) as say:
        settings, cache = read(params), open_cache(latents)
        trainer = prepare(settings, cache, device.pick())
        model, options = trainer.model, trainer.options
        encoder = encoders.load_for(model.spec, codec).to(model.device)
        fixed = looks.Validation(cache, model.config, options.validation, encoder)
        told = settings.section("tracking", tracking.Options)
        with stage.scratch("train", *trainer.identity()) as scratch:
            shown = resume_and_run(trainer, fixed, told, scratch, logs)
            with stage.output(out) as partial:
                model.save_pretrained(partial)
            curves.write_csv(trainer.curve, curve)
            curves.write_levels(trainer.curve, levels)
            looks.write_csv(shown.looks, validation)
            looks.write_png(shown.last.strips, samples)
            loss, size = curves.final_loss(trainer.curve), model.parameters()
            stage.write_json(
                metrics,
                {
                    "loss": loss,
                    "validation_loss": shown.last.loss,
                    "steps": trainer.done,
                    "parameters": size,
                },
            )
        say.measured |= shown.measured
        say(
            f"train: {trainer.done} steps, {size:,} parameters, loss {loss:.4f}, validation "
            f"{shown.last.loss:.4f}, {said(shown.measured)}, in {out}",
            shown.steps,
            "steps",
        )


def said(measured: dict[str, float]) -> str:
    """What `Meter.total` found, for a person."""
    share = measured.get("share_of_peak")
    return ", ".join(
        [
            f"{measured['tokens_per_second']:,.0f} tokens/s",
            *([f"{share:.0%} of the peak"] if share is not None else []),
            f"{measured['data_wait']:.0%} waiting for data",
            f"{measured['peak_memory_gb']:.1f} GB",
        ]
    )


if __name__ == "__main__":
    stage.main(command)
