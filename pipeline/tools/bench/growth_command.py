"""`wm bench growth`: what stages take of ten times the episodes, and commands of very many."""

from dataclasses import asdict
from typing import Annotated

import typer

from pipeline.tools.bench.cli import Out


def growth(
    episodes: Annotated[
        int,
        typer.Option(
            min=40, help="Simulated episodes of Wall; stages also take ten times as many."
        ),
    ] = 40,
    listed: Annotated[
        int, typer.Option(min=100, help="Tiny episodes of 10 frames to open and list.")
    ] = 100_000,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of both sizes.")] = 1,
    out: Out = None,
) -> None:
    """Measure how stages grow with the data set, and how fast very many episodes are listed."""
    import torch

    from pipeline import stage
    from pipeline.tools import machine
    from pipeline.tools.bench import growth as bench
    from pipeline.tools.bench import growth_list

    described = machine.describe(torch.device("cpu"))
    print(described)
    lists = growth_list.run(listed)
    for name, found in lists.items():
        print(f"{name}: {found.cpu:.2f} CPU-s, {found.peak:.2f} GB")
    stages = bench.run(episodes, rounds)
    for name, row in stages.items():
        (small, large), (least, most) = row.cpu, row.peak
        what = row.fixed or "all episodes"
        print(
            f"{name}, {what}: {small:.2f} and {large:.2f} CPU-s ({row.times:.2f} x), "
            f"{least:.2f} and {most:.2f} GB"
        )
    if out is not None:
        results = {
            "bench": "growth",
            "machine": asdict(described),
            "episodes": [episodes, bench.FACTOR * episodes],
            "rounds": rounds,
            "stages": {name: asdict(row) for name, row in stages.items()},
            "listed": {"episodes": listed, "frames": growth_list.STEPS * listed},
            "lists": {name: asdict(found) for name, found in lists.items()},
        }
        stage.write_json(out, results)
