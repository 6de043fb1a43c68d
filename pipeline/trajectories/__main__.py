"""`python -m pipeline.trajectories LATENTS WORLD_MODEL TRAJECTORIES`."""

from pathlib import Path
from typing import Annotated

from pipeline import stage
from pipeline.arguments import PARAMS, Latents, Model, ParamsFile, SecondsFile, output


def command(
    latents: Latents,
    world_model: Model,
    out: Annotated[Path, output("TRAJECTORIES", "Folder for the trajectories.")],
    params: ParamsFile = PARAMS,
    seconds: SecondsFile = None,
) -> None:
    """Compute a world model's ways from noise to clean frames; resumes an interrupted run."""
    from pipeline.files import skipped
    from pipeline.params import read

    with stage.timed(seconds) as summarise:
        method = skipped.value(params, "distill", "method")
        if method != "causal_ode":
            reason = f"distill.method is {method}, which needs none"
            skipped.write_reason(out, reason)
            summarise(f"trajectories: skipped, because {reason}")
            return
        from pipeline.latents.cache import open_cache
        from pipeline.trajectories import Options
        from pipeline.trajectories.collect import collect
        from pipeline.trajectories.collection import collection

        settings = read(params)
        options = settings.section("trajectories", Options)
        found = collection(settings, options, open_cache(latents), world_model)
        origin = collect(found, options.max_bytes, out)
        line = f"trajectories: {origin.clips} of {origin.grid} steps by {world_model} in {out}"
        summarise(line, origin.clips, "clips")


if __name__ == "__main__":
    stage.main(command)
