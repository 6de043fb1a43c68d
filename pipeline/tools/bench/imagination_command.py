"""`wm bench imagination`: how many steps a state model imagines while a simulator makes one."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pipeline.arguments import PARAMS, Latents, Model, ParamsFile
from pipeline.tools.bench.cli import Out


def imagination(
    latents: Latents,
    model: Model,
    environments: Annotated[int, typer.Option(min=1, help="Robots imagined at once.")] = 4096,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of both, after a warm-up.")] = 7,
    out: Out = None,
    params: ParamsFile = PARAMS,
) -> None:
    """Time imagined beside simulated steps of a walking robot."""
    from pipeline import stage
    from pipeline.params import read
    from pipeline.tools.bench import imagination as bench

    results = bench.run(read(Path(params)), latents, model, environments, rounds)
    print(f"{results.machine}; {results.parameters:,} parameters, {results.heads} heads")
    rates = {
        "imagined": results.imagined,
        "imagined, disagreement charged": results.charged,
        "simulated": results.simulated,
    }
    for name, rate in rates.items():
        print(f"{name}: {rate.median:,.0f} steps/CPU-s ({rate.min:,.0f} - {rate.max:,.0f})")
    print(
        f"{results.environments:,} imagined robots take {results.speedup:.1f} x the steps, "
        f"{results.charged_speedup:.1f} x where disagreement is charged"
    )
    if out is not None:
        stage.write_json(out, asdict(results))
