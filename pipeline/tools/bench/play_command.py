"""`wm bench play`: what a page of `wm play` costs."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pipeline.arguments import PARAMS, ParamsFile
from pipeline.tools.bench.cli import Out

Model = Annotated[Path, typer.Argument(metavar="MODEL", help="Folder of codec and world model.")]


def play(
    model: Model,
    frames: Annotated[int, typer.Option(min=1, help="Frames of a round.")] = 60,
    keys: Annotated[int, typer.Option(min=1, help="Keys that are pressed in a round.")] = 20,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of page and rollout.")] = 5,
    fps: Annotated[
        float, typer.Option(min=1, max=60, help="Most frames a second while keys are pressed.")
    ] = 20.0,
    steps: Annotated[
        int | None, typer.Option(min=1, max=50, help="Denoising steps; else the model's own.")
    ] = None,
    out: Out = None,
    params: ParamsFile = PARAMS,
) -> None:
    """Time a page of a real server beside the bare rollout: frames a second, key to frame."""
    from pipeline import stage
    from pipeline.tools.bench import play as bench
    from pipeline.tools.play.playable import Playable
    from pipeline.tools.play.sources import paths_of

    playable = Playable(paths_of(model, None, None, params), steps, 1)
    results = bench.run(playable, frames, keys, rounds, fps)
    page, rollout, answer = results.page, results.rollout, results.key_to_frame
    print(f"{results.machine}; {results.model}, {playable.steps} steps")
    print(f"page: {page.median:.1f} frames/s ({page.min:.1f} - {page.max:.1f})")
    print(f"rollout alone: {rollout.median:.1f} ({rollout.min:.1f} - {rollout.max:.1f})")
    print(f"the page costs {results.cost:.0%}; key to frame {answer.median:.0f} ms")
    if out is not None:
        stage.write_json(out, asdict(results))
