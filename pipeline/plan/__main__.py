"""`python -m pipeline.plan LATENTS CODEC WORLD_MODEL METRICS GOALS VIDEOS`."""

from pathlib import Path
from typing import Annotated

from pipeline import stage
from pipeline.arguments import PARAMS, Codec, Latents, Model, ParamsFile, SecondsFile, output


def command(
    latents: Latents,
    codec: Codec,
    world_model: Model,
    metrics: Annotated[Path, output("METRICS", "JSON file for the success rates.")],
    goals: Annotated[
        Path, output("GOALS", "CSV file: a row per goal; success, distance, steps by controller.")
    ],
    videos: Annotated[Path, output("VIDEOS", "NPZ file: frames of some episodes.")],
    params: ParamsFile = PARAMS,
    seconds: SecondsFile = None,
) -> None:
    """Plan to goals in the simulator, with random, no-op and replayed actions as baselines."""
    from pipeline import encoders
    from pipeline.compute import device
    from pipeline.diffusion import world_model as models
    from pipeline.diffusion.sampling import build_sampling
    from pipeline.latents.cache import open_cache
    from pipeline.params import read
    from pipeline.plan import Options, results
    from pipeline.plan.mpc import Mpc
    from pipeline.plan.plan import plan
    from pipeline.planners import PLANNERS
    from pipeline.probe.support import plannable
    from pipeline.worlds import WORLDS

    with stage.timed(seconds) as summarise:
        settings = read(params)
        options = settings.section("plan", Options)
        cache = open_cache(latents)
        simulator = settings.optional(WORLDS)
        world = plannable(simulator.build() if simulator else None, cache.spec)
        if isinstance(world, str):
            results.write_skipped(world, metrics, goals, videos)
            summarise(f"plan: skipped, because {world}")
            return
        model = models.load(world_model, device.pick(), cache)
        encoder = encoders.load_for(model.spec, codec).to(device.pick())
        sampling = build_sampling(settings, options.sampling)
        options.sampling.check_fits(
            model.config.frames,
            stochastic=model.objective.stochastic_steps,
            place="plan.sampling",
        )
        mpc = Mpc(model, encoder, settings.variant(PLANNERS).build(), sampling, options)
        tasks, outcomes, scores = plan(world, cache, mpc, options)
        scores.write(metrics)
        results.write_rows(world, tasks, outcomes, goals)
        results.write_videos(tasks, outcomes["planner"], videos)
        planned, random = scores.planner, scores.controllers["random"]
        rates = f"{planned.success_rate:.0%} reached, {random.success_rate:.0%} by random actions"
        summarise(f"plan: {options.goals} goals, {rates}, in {metrics}", options.goals, "goals")


if __name__ == "__main__":
    stage.main(command)
