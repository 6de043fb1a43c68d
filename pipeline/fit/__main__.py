"""`python -m pipeline.fit SHARDS CODEC METRICS`."""

from pathlib import Path
from typing import Annotated

from pipeline import stage
from pipeline.arguments import PARAMS, ParamsFile, SecondsFile, Shards, output


def command(
    shards: Shards,
    codec: Annotated[Path, output("CODEC", "Folder for the fitted encoder.")],
    metrics: Annotated[Path, output("METRICS", "JSON file for its reconstruction PSNR.")],
    params: ParamsFile = PARAMS,
    seconds: SecondsFile = None,
) -> None:
    """Fit an in-domain encoder to the train split; measure its reconstruction PSNR."""
    import torch

    from pipeline import encoders
    from pipeline.compute import device
    from pipeline.encoders import ENCODERS
    from pipeline.fit import Options
    from pipeline.fit.fit import (
        HEALTH_FRAMES,
        finite_latents,
        fit_encoder,
        health_of,
        reconstruction_psnr,
        sample,
    )
    from pipeline.metrics.schema.fit import FitMetrics
    from pipeline.params import read

    with stage.timed(seconds) as summarise:
        settings = read(params)
        options = settings.section("fit", Options)
        variant = settings.variant(ENCODERS)
        train = sample(shards, "train", options.train_frames, options.frame_stride)
        val = sample(shards, "val", options.val_frames, options.frame_stride)
        with finite_latents(variant.name, variant.options):
            encoder = fit_encoder(variant, train, options.seed).to(device.pick())
            health, psnr = health_of(encoder, val), reconstruction_psnr(encoder, val)
        scores = FitMetrics(
            val_psnr=psnr,
            decoder=encoder.decoder_kind,
            latent_rank=health.rank,
            latent_spread=health.std,
            train_frames=len(train),
            val_frames=len(val),
        )
        optional = encoder.fit_metrics(val.fed_to(encoder)[:HEALTH_FRAMES])
        scores = scores.model_copy(update=optional)
        if variant.name != (unused := settings.values[ENCODERS.selector]):
            print(f"fit: {settings.place(ENCODERS)} = {variant.name!r}, in place of {unused!r}")
        with stage.output(codec) as partial:
            encoder.to(torch.device("cpu"))
            encoders.save(encoder, variant.name, variant.options.model_dump(), partial)
        scores.write(metrics)
        if health.collapsed:
            print(
                f"fit: warning: the latents of {variant.name} have collapsed: different frames "
                f"have nearly the same (effective rank {health.rank:.2f}, Roy & Vetterli 2007; std "
                f"{health.std:.2g}, RMS {health.rms:.2g}); change encoders.{variant.name}"
            )
        summary = f"{variant.name} on {len(train)} frames, {psnr:.1f} dB on {len(val)} others"
        summary += f", latents of rank {health.rank:.1f}"
        summarise(f"fit: {summary}, in {codec}", len(train))


if __name__ == "__main__":
    stage.main(command)
