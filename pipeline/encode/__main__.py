"""`python -m pipeline.encode SHARDS CODEC LATENTS`."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline import stage


def command(
    folder: Annotated[Path, typer.Argument(metavar="SHARDS", help="Episodes written by ingest.")],
    codec: Annotated[Path, typer.Argument(help="Encoder made by fit.")],
    out: Annotated[Path, typer.Argument(metavar="LATENTS", help="Latent cache (zarr) to write.")],
    params: Annotated[Path, typer.Option(help="Parameters to read.")] = Path("params.yaml"),
    seconds: Annotated[Path | None, typer.Option(help="JSON file for the time taken.")] = None,
) -> None:
    """Encode every frame once; cache raw latents."""
    from pipeline import encoders
    from pipeline.encode import Options
    from pipeline.encode.encode import Source, encode
    from pipeline.params import read
    from pipeline.shards import read_manifest

    with stage.timed(seconds) as say:
        options = read(params).section("encode", Options)
        name, encoder = encoders.load(codec)
        source = Source(folder, encoder, name, encoders.digest(codec))
        with stage.output(out) as partial:
            spec = encode(source, options.batch, partial)
        shape = "x".join(map(str, spec.latent_shape))
        frames = read_manifest(folder).frames
        say(f"encode: {frames} frames by {name} to latents of {shape} in {out}")


if __name__ == "__main__":
    stage.main(command)
