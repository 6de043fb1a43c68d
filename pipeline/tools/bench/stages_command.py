"""`wm bench stages`: CPU-seconds and memory of stages, beside those of another build."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pipeline.tools.bench.cli import Out


def stages(
    against: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Checkout of the build to compare with.")
    ],
    episodes: Annotated[int, typer.Option(min=60, help="Simulated episodes of Wall.")] = 160,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of both builds.")] = 3,
    out: Out = None,
) -> None:
    """Time stages of this build beside those of another, on the same data by the same params."""
    import torch

    from pipeline import stage
    from pipeline.tools import machine
    from pipeline.tools.bench import stages as bench

    described = machine.describe(torch.device("cpu"))
    print(described)
    found = bench.run(against, episodes, rounds)
    for name, row in found.rows.items():
        ours, theirs = row.ours, row.theirs
        print(
            f"{name}: {ours.median:.3g} ({ours.min:.3g} - {ours.max:.3g}), "
            f"theirs {theirs.median:.3g} ({theirs.min:.3g} - {theirs.max:.3g}): {row.ratio:.2f} x"
        )
    print(f"latents: {'the same bytes' if found.same_latents else 'other bytes than theirs'}")
    if out is not None:
        figures = {name: asdict(row) for name, row in found.rows.items()}
        results = {"machine": asdict(described), "episodes": episodes, "rounds": rounds}
        results["same_latents"] = found.same_latents
        stage.write_json(out, {"bench": "stages", **results, "figures": figures})
