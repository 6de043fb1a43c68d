"""`python -m pipeline.probe LATENTS PROBE METRICS`."""

from pathlib import Path
from typing import Annotated

from pipeline import stage
from pipeline.arguments import PARAMS, Latents, ParamsFile, SecondsFile, output


def command(
    latents: Latents,
    probe: Annotated[Path, output("PROBE", "Folder for the readout and the inverse model.")],
    metrics: Annotated[Path, output("METRICS", "JSON file for their errors.")],
    params: ParamsFile = PARAMS,
    seconds: SecondsFile = None,
) -> None:
    """Fit a readout of positions from latents, and an inverse model, by recorded states."""
    from pipeline.files import skipped
    from pipeline.latents.cache import open_cache
    from pipeline.metrics.schema.probe import ProbeSkipped
    from pipeline.params import read
    from pipeline.probe import Options
    from pipeline.probe.fit import fit
    from pipeline.probe.support import plannable
    from pipeline.worlds import WORLDS

    with stage.timed(seconds) as summarise:
        settings = read(params)
        options = settings.section("probe", Options)
        cache = open_cache(latents)
        interval = settings.value("train", "interval") or cache.spec.interval
        simulator = settings.optional(WORLDS)
        world = plannable(simulator.build() if simulator else None, cache.spec)
        if isinstance(world, str):
            skipped.write_reason(probe, world)
            ProbeSkipped(skipped=world).write(metrics)
            summarise(f"probe: skipped, because {world}")
            return
        fitted, scores = fit(cache, world.coordinates, interval, options)
        scores.write(metrics)
        with stage.output(probe) as partial:
            fitted.save(partial)
        read_from = f"on {scores.val_frames} validation frames, in {probe}"
        summarise(f"probe: median error {scores.distance:.3g} {read_from}", scores.train_frames)


if __name__ == "__main__":
    stage.main(command)
