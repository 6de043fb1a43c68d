"""`wm walk`: a legged robot walks by planning in a state model."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pipeline.arguments import PARAMS, Latents, Model, ParamsFile


def command(
    latents: Latents,
    model: Model,
    planner: Annotated[
        list[str] | None,
        typer.Option(help="Of params.yaml, may be repeated [default: the chosen one]."),
    ] = None,
    horizon: Annotated[int, typer.Option(min=2, help="Actions of a plan.")] = 16,
    execute: Annotated[int, typer.Option(min=1, help="Of them taken before the next search.")] = 2,
    proposals: Annotated[
        int, typer.Option(min=1, help="Recorded stretches among the first candidates.")
    ] = 8,
    fall: Annotated[float, typer.Option(min=0, help="Charge for a fall, in rewards.")] = 1.0,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="JSON file to write the results to.")
    ] = None,
    params: ParamsFile = PARAMS,
) -> None:
    """Plan by imagined rewards (`policy.imagination.weights`), and walk so in the simulator.

    Beside it walk the nearest recorded stretches, random actions, a robot that stands, and the
    policy that collected the data: `policy.trial` says how many episodes, and how long.
    """
    from pipeline import stage
    from pipeline.errors import ParamsError
    from pipeline.params import read
    from pipeline.tools.tables import show
    from pipeline.tools.walk.run import Plan, run, table

    if execute > horizon:
        raise ParamsError(
            f"--execute {execute} of plans of --horizon {horizon}; choose at most {horizon}"
        )
    settings = read(params)
    names = planner or [settings.values["planner"]]
    plan = Plan(horizon, execute, proposals, fall)
    found = run(settings, latents, model, plan, names)
    show(table(found))
    if out is not None:
        rows = {
            name: asdict(row) | {"walking": row.walking.model_dump()} for name, row in found.items()
        }
        stage.write_json(out, {"plan": asdict(plan), "controllers": rows})
