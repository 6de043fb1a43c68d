"""`python -m pipeline.encode SHARDS CODEC LATENTS`."""

from pathlib import Path
from typing import Annotated

from pipeline import stage
from pipeline.arguments import PARAMS, Codec, ParamsFile, SecondsFile, Shards, output


def command(
    shards: Shards,
    codec: Codec,
    out: Annotated[Path, output("LATENTS", "Folder for the latent cache (zarr).")],
    params: ParamsFile = PARAMS,
    seconds: SecondsFile = None,
) -> None:
    """Encode every frame once; cache raw latents."""
    from pipeline import device, encoders
    from pipeline.encode import Options
    from pipeline.encode.encode import Source, encode
    from pipeline.manifest import read_manifest
    from pipeline.params import read

    with stage.timed(seconds) as say:
        options = read(params).section("encode", Options)
        name, encoder = encoders.load(codec)
        digest = encoders.digest(codec)
        source = Source(shards, encoder, name, digest, device.pick(), options)
        with stage.output(out) as partial:
            spec = encode(source, options.batch, partial, options.max_bytes)
        shape = "x".join(map(str, spec.latent_shape))
        frames = read_manifest(shards).frames
        say(f"encode: {frames} frames by {name} to latents of {shape} in {out}", frames)


if __name__ == "__main__":
    stage.main(command)
