"""Plan from a recorded state to what a picture shows."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline import stage
from pipeline.files.picture import read_rgb
from pipeline.plan.build import Parts, build_controllers
from pipeline.plan.controllers import Run, attempt
from pipeline.plan.tasks import Task

REMEDY = "give a PNG or JPEG picture of the goal"
MILLISECONDS, GAP, SCALE = 100, 2, 3


def plan_to(parts: Parts, goal: Path, film: Path) -> Run:
    """One episode from the first validation episode's first frame, filmed beside the goal.

    Nothing says when the goal is reached, so the whole budget is spent.

    Args:
        parts: what controllers are built of.
        goal: a picture of what is to be seen, of any size.
        film: WebP animation to write: what happened, and the goal.

    Raises:
        DataError: the picture cannot be read.
    """
    world, cache, options = parts.world, parts.cache, parts.options
    episode = cache.episodes("val")[0]
    entry, first = cache.seal.episodes[episode], int(cache.starts[episode])
    state, actions = cache.states[first], len(world.low)
    frame = world.draw(state[None], entry.meta)[0]
    interval = parts.model.config.interval
    none = np.zeros((0, actions), np.float32)
    past = none.reshape(0, interval, actions)
    wanted = read_picture(goal, (frame.shape[0], frame.shape[1]))
    # The state of the goal is not known: no state equals NaN, so no rule ends the episode.
    nowhere = np.full_like(state, np.nan)
    task = Task(entry.key, 0, state[None], past, none, nowhere, wanted, entry.meta)
    planner = build_controllers(parts).planner
    (run,) = attempt(world, [task], planner, options.budget_frames * interval, "end")
    with stage.output(film) as partial:
        _write(world.draw(np.stack(run.states), entry.meta), wanted, partial)
    return run


def read_picture(path: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
    """A PNG or JPEG file as a frame uint8 [H, W, 3], resized to `size`.

    Raises:
        DataError: it is missing, damaged or huge.
    """
    from PIL import Image

    resized = read_rgb(path, REMEDY).resize(size[::-1], Image.Resampling.BILINEAR)
    return np.asarray(resized).copy()


def _write(frames: NDArray[np.uint8], goal: NDArray[np.uint8], path: Path) -> None:
    from PIL import Image

    gap = np.full((goal.shape[0], GAP, 3), 255, np.uint8)
    panels = [Image.fromarray(np.concatenate([frame, gap, goal], 1)) for frame in frames]
    size = (panels[0].width * SCALE, panels[0].height * SCALE)
    images = [panel.resize(size, Image.Resampling.NEAREST) for panel in panels]
    images[0].save(
        path, "WEBP", save_all=True, append_images=images[1:], duration=MILLISECONDS, lossless=True
    )
