"""Films of some episodes for the report: what happened, and what was imagined at each replan."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pipeline import stage
from pipeline.plan.controllers import Run
from pipeline.plan.measure import Codec
from pipeline.worlds import World


def chosen(runs: Sequence[Run], count: int) -> list[Run]:
    """At most `count` runs, half of them failures if there are as many, in the tasks' order."""
    failures = [run for run in runs if not run.success]
    successes = [run for run in runs if run.success]
    kept = failures[: max(count // 2, count - len(successes))]
    return sorted(kept + successes[: count - len(kept)], key=lambda run: run.number)


def write_films(world: World, codec: Codec, runs: Sequence[Run], interval: int, path: Path) -> None:
    """Write films.npz.

    Arrays: `frames` uint8 [E, T, H, W, 3], of which `lengths` int64 [E] are
    real; `goals` uint8 [E, H, W, 3]; `success` bool [E]; `interval` int64, the environment steps
    between two frames of the model; `replans` int64 [E, R], the environment
    step of each search, -1 where there is none; `imagined` uint8 [E, R, F, h, w, 3], decoded frames
    of each plan, of which `horizons` int64 [E, R] are real; `costs` float32 [E, R, rounds], the
    lowest cost of each round, NaN where there is none: a plan that was executed without a search
    has one.
    """
    videos = [world.draw(np.stack(run.states), run.task.meta) for run in runs]
    steps = [np.array([plan.step for plan in run.replans]) for run in runs]
    horizons = [np.array([len(plan.imagined) for plan in run.replans]) for run in runs]
    rounds = max(len(plan.costs) for run in runs for plan in run.replans)
    costs = [stacked([plan.costs.numpy() for plan in run.replans], np.nan, rounds) for run in runs]
    longest = max(int(each.max()) for each in horizons)
    imagined = [
        stacked([_frames(codec, plan.imagined) for plan in run.replans], 0, longest) for run in runs
    ]
    with stage.output(path) as partial, partial.open("wb") as file:
        np.savez_compressed(
            file,
            frames=stacked(videos, 0),
            lengths=np.array([len(video) for video in videos]),
            goals=np.stack([run.task.goal_frame for run in runs]),
            success=np.array([run.success for run in runs]),
            interval=np.array(interval),
            replans=stacked(steps, -1),
            horizons=stacked(horizons, 0),
            imagined=stacked(imagined, 0),
            costs=stacked(costs, np.nan),
        )


def write_no_films(path: Path) -> None:
    """Write films.npz without any."""
    frames, none = np.zeros((0, 1, 1, 1, 3), np.uint8), np.zeros((0, 1), np.int64)
    with stage.output(path) as partial, partial.open("wb") as file:
        np.savez_compressed(
            file,
            frames=frames,
            lengths=none[:, 0],
            goals=frames[:, 0],
            success=np.zeros(0, bool),
            interval=np.array(1),
            replans=none,
            horizons=none,
            imagined=frames[:, None],
            costs=np.zeros((0, 1, 1), np.float32),
        )


def stacked(
    arrays: Sequence[NDArray[np.generic]], fill: float, length: int | None = None
) -> NDArray[np.generic]:
    """Arrays [n, ...] in one [len(arrays), longest n or length, ...], filled up with `fill`."""
    longest = length or max(len(array) for array in arrays)
    rest = ((0, 0),) * (arrays[0].ndim - 1)
    return np.stack(
        [np.pad(a, ((0, longest - len(a)), *rest), constant_values=fill) for a in arrays]
    )


def _frames(codec: Codec, latents: Tensor) -> NDArray[np.uint8]:
    """Decoded frames uint8 [H, h, w, 3] of latents [H, C, h, w]."""
    return codec.decode(latents).permute(0, 2, 3, 1).numpy()
