"""`python -m pipeline.plan LATENTS CODEC WORLD_MODEL PROBE METRICS GOALS FILMS`."""

from pathlib import Path
from typing import Annotated

from pipeline import stage
from pipeline.arguments import PARAMS, Codec, Latents, Model, ParamsFile, Probe, SecondsFile, output


def command(
    latents: Latents,
    codec: Codec,
    world_model: Model,
    probe: Probe,
    metrics: Annotated[Path, output("METRICS", "JSON file for the success rates.")],
    goals: Annotated[
        Path, output("GOALS", "CSV file: a row per goal; success, distance, steps by controller.")
    ],
    films: Annotated[Path, output("FILMS", "NPZ file: some episodes, real and imagined.")],
    params: ParamsFile = PARAMS,
    seconds: SecondsFile = None,
) -> None:
    """Plan to goals in the simulator, beside baselines and the perfect simulator."""
    from pipeline.latents.cache import open_cache
    from pipeline.params import read
    from pipeline.plan import results
    from pipeline.plan.load import Artefacts, load
    from pipeline.plan.run import run
    from pipeline.probe.support import plannable
    from pipeline.worlds import WORLDS

    with stage.timed(seconds) as summarise:
        settings = read(params)
        cache = open_cache(latents)
        simulator = settings.optional(WORLDS)
        world = plannable(simulator.build() if simulator else None, cache.spec)
        if isinstance(world, str):
            results.write_skipped(world, metrics, goals, films)
            summarise(f"plan: skipped, because {world}")
            return
        parts = load(settings, world, cache, Artefacts(codec, world_model, probe))
        scores = run(parts, metrics, goals, films)
        reached = ", ".join(
            f"{scores.controllers[name].success_rate:.0%} by {words}"
            for name, words in (("straight", "going straight"), ("nearest", "the nearest stretch"))
            if name in scores.controllers
        )
        rate = f"{scores.planner.success_rate:.0%} reached, {reached}"
        summarise(f"plan: {scores.goals} goals, {rate}, in {metrics}", scores.goals, "goals")


if __name__ == "__main__":
    stage.main(command)
