"""`python -m pipeline.plan LATENTS CODEC WORLD_MODEL PROBE METRICS GOALS FILMS`."""

from pathlib import Path
from typing import Annotated

import typer

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
    goal: Annotated[
        Path | None,
        typer.Option(metavar="PICTURE", help="Plan once, to what a picture shows; writes a film."),
    ] = None,
) -> None:
    """Plan to goals in the simulator, beside baselines and the perfect simulator.

    With --goal there are no goals of the data set: one episode is planned from the first validation
    episode's first frame to the picture, and a WebP of the picture's name shows what happened.
    """
    from pipeline.compute import parallel as cluster
    from pipeline.compute.threads import one_on_cpu
    from pipeline.errors import ParamsError
    from pipeline.params import read
    from pipeline.plan import results
    from pipeline.plan.load import Artefacts, Inputs
    from pipeline.plan.plan import pieces_of
    from pipeline.plan.run import run
    from pipeline.plan.spread import Elsewhere
    from pipeline.plan.to_image import plan_to

    with stage.timed(seconds) as summarise, one_on_cpu():
        inputs = Inputs(params, latents, Artefacts(codec, world_model, probe))
        asked = read(params).section("cluster", cluster.Options)
        parts = inputs.parts()
        if isinstance(parts, str):
            if goal is not None:
                raise ParamsError(f"--goal {goal}: nothing can be planned, because {parts}")
            results.write_skipped(parts, metrics, goals, films)
            summarise(f"plan: skipped, because {parts}")
            return
        if goal is not None:
            film = goal.with_suffix(".webp")
            steps = plan_to(parts, goal, film).steps
            summarise(f"plan: {steps} steps towards {goal}, in {film}")
            return
        where = asked.for_pieces(pieces_of(parts.options.goals.count))
        elsewhere = Elsewhere(inputs, where) if where.spread else None
        scores = run(parts, metrics, goals, films, elsewhere)
        summarise(f"plan: {results.in_words(scores)}, in {metrics}", scores.goals, "goals")


if __name__ == "__main__":
    stage.main(command)
