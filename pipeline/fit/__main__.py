"""`python -m pipeline.fit SHARDS CODEC METRICS`."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline import stage


def command(
    folder: Annotated[Path, typer.Argument(metavar="SHARDS", help="Episodes written by ingest.")],
    codec: Annotated[Path, typer.Argument(help="Folder for the fitted encoder.")],
    metrics: Annotated[Path, typer.Argument(help="JSON file for its reconstruction quality.")],
    params: Annotated[Path, typer.Option(help="Parameters to read.")] = Path("params.yaml"),
    seconds: Annotated[Path | None, typer.Option(help="JSON file for the time taken.")] = None,
) -> None:
    """Fit an in-domain encoder to the train split, and measure how well it gives frames back."""
    from pipeline import encoders, variants
    from pipeline.fit import Options
    from pipeline.fit.fit import reconstruction_psnr, sample_frames
    from pipeline.params import read

    with stage.timed(seconds) as say:
        settings = read(params)
        chosen = settings.variant(variants.ENCODERS)
        options = settings.section("fit", Options)
        stride = options.frame_stride
        train = sample_frames(folder, "train", options.train_frames, stride)
        encoder = chosen.module.fit(train, chosen.options, options.seed)
        val = sample_frames(folder, "val", options.val_frames, stride)
        psnr = reconstruction_psnr(encoder, val)
        with stage.output(codec) as partial:
            encoders.save(encoder, chosen.name, chosen.options.model_dump(), partial)
        stage.write_json(
            metrics, {"val_psnr": psnr, "train_frames": len(train), "val_frames": len(val)}
        )
        say(f"fit: {chosen.name}, {psnr:.1f} dB on {len(val)} validation frames, in {codec}")


if __name__ == "__main__":
    stage.main(command)
