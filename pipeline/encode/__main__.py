"""`python -m pipeline.encode SHARDS CODEC LATENTS METRICS`."""

from pathlib import Path
from typing import Annotated

from pipeline import stage
from pipeline.arguments import PARAMS, Codec, ParamsFile, SecondsFile, Shards, output


def command(
    shards: Shards,
    codec: Codec,
    out: Annotated[Path, output("LATENTS", "Folder for the latent cache (zarr).")],
    metrics: Annotated[Path, output("METRICS", "JSON file for its size and rounding error.")],
    params: ParamsFile = PARAMS,
    seconds: SecondsFile = None,
) -> None:
    """Encode every frame once; cache raw latents."""
    from pipeline import encoders
    from pipeline.compute import parallel as cluster
    from pipeline.encode import Options
    from pipeline.encode.encode import encode
    from pipeline.encode.shard import Saved, Source
    from pipeline.params import read

    with stage.timed(seconds) as summarise:
        settings = read(params)
        options = settings.section("encode", Options)
        where = settings.section("cluster", cluster.Options)
        name = encoders.name_of(codec)
        source = Source(shards, Saved(codec), name, encoders.digest(codec))
        scores = encode(source, options, where, out)
        shape = "x".join(map(str, scores.latent_shape))
        if scores.dead_channels:
            shape += f" ({scores.dead_channels} of {scores.latent_shape[0]} channels never vary)"
        scores.write(metrics)
        frames = scores.frames
        summarise(f"encode: {frames} frames by {name} to latents of {shape} in {out}", frames)


if __name__ == "__main__":
    stage.main(command)
