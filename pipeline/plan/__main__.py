"""`python -m pipeline.plan LATENTS CODEC WORLD_MODEL METRICS ROWS FILMS`."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline import stage


def command(
    latents: Annotated[Path, typer.Argument(help="Latent cache: its validation episodes.")],
    codec: Annotated[Path, typer.Argument(help="Encoder made by fit.")],
    world_model: Annotated[Path, typer.Argument(help="Model written by train.")],
    metrics: Annotated[Path, typer.Argument(help="JSON file for the success rates.")],
    rows: Annotated[Path, typer.Argument(help="CSV file: one row a goal.")],
    films: Annotated[Path, typer.Argument(help="NPZ file: some episodes, frame by frame.")],
    params: Annotated[Path, typer.Option(help="Parameters to read.")] = Path("params.yaml"),
    seconds: Annotated[Path | None, typer.Option(help="JSON file for the time taken.")] = None,
) -> None:
    """Plan in the simulator towards replayed goals, beside random, no-op and replayed actions."""
    from pipeline import device, encoders, variants
    from pipeline.latent_cache import open_cache
    from pipeline.params import read
    from pipeline.plan import Options, results
    from pipeline.plan.plan import plan
    from pipeline.train import world_model as models

    with stage.timed(seconds) as say:
        settings = read(params)
        options = settings.section("plan", Options)
        simulator = settings.variant(variants.WORLDS)
        sampler = settings.variant(variants.SAMPLERS)
        planner = settings.variant(variants.PLANNERS)
        cache = open_cache(latents)
        model = models.load(world_model, device.pick())
        encoder = encoders.load_for(model.spec, codec)
        model.check_cache(cache)
        world = simulator.module.build(simulator.options)
        sampling = models.Sampling(sampler.module.build(sampler.options), options.sampling_steps)
        search = planner.module.build(planner.options)
        tasks, outcomes, scores = plan(world, cache, model, encoder, search, sampling, options)
        stage.write_json(metrics, scores)
        results.write_rows(world, tasks, outcomes, rows)
        results.write_films(tasks, outcomes["planner"], films)
        rates = (
            f"{scores['success_rate']:.0%} against {scores['random_success_rate']:.0%} by chance"
        )
        say(f"plan: {options.goals} goals, {rates}, in {metrics}")


if __name__ == "__main__":
    stage.main(command)
