"""Planning episodes: what happened, and beside it what the model imagined at each replan."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.files.content import parsing
from pipeline.files.npy import Numbers, read_npz
from pipeline.report import figures

FILMS = {
    "frames": "uint8 episodes frames height width 3",
    "lengths": "int64 episodes",
    "goals": "uint8 episodes height width 3",
    "success": "bool episodes",
}
"""What is known of any run."""
PLANS = {
    "interval": "int64",
    "replans": "int64 episodes replans",
    "horizons": "int64 episodes replans",
    "imagined": "uint8 episodes replans horizon rows columns 3",
    "costs": "float32 episodes replans rounds",
}
"""The plans behind the episodes.

Environment steps between two frames of the model; the step of each replan, -1 where there is none;
frames of its plan; those frames, decoded; the lowest cost of each round of the search, NaN where
there is none.
"""
AGAIN = "make it again: `dvc repro -f plan`"
FADED = 0.65
"""How white a frame is that later plans have led to."""

Frame = NDArray[np.uint8]
"""RGB [H, W, 3]."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One replan as a picture of two rows.

    Attributes:
        uri: above, the goal and the frames of the plan; below, the frame at which it was made and
            what happened at the times of the plan. A data URI.
        step: environment step of the replan.
        times: environment steps of the frames of the plan.
    """

    uri: str
    step: int
    times: list[int]


@dataclass(frozen=True, slots=True)
class Film:
    """A planning episode.

    Attributes:
        number: from 1, in the order of the goals.
        uri: the episode beside its goal, animated, as a data URI.
        steps: environment steps taken.
        success: whether the goal was reached.
        sheets: its replans.
        costs: lowest cost of each round, by replan [replans, rounds].
    """

    number: int
    uri: str
    steps: int
    success: bool
    sheets: list[Sheet]
    costs: list[list[float]]


def read_films(path: Path, count: int) -> list[Film]:
    """The first `count` episodes, failures before successes.

    Raises:
        DataError: the file is missing or damaged.
    """
    content = read_npz(path, AGAIN, {**FILMS, **PLANS})
    with parsing(path, AGAIN):
        films = [_film(content, number) for number in range(min(count, len(content["frames"])))]
    return sorted(films, key=lambda film: film.success)


def _film(content: dict[str, Any], number: int) -> Film:
    episode = {name: content[name][number] for name in FILMS}
    length = int(episode["lengths"])
    if not 0 < length <= len(episode["frames"]):
        raise ValueError(f"lengths: {length} of {len(episode['frames'])} frames")
    frames, goal = episode["frames"][:length], episode["goals"]
    film = figures.animation([figures.side_by_side([f, goal]) for f in frames], seconds=0.15)
    plans = {name: content[name][number] for name in PLANS if name != "interval"}
    made = [int(replan) for replan in np.flatnonzero(plans["replans"] >= 0)]
    sheets = [_sheet(frames, goal, plans, replan, int(content["interval"])) for replan in made]
    costs = [[float(cost) for cost in plans["costs"][replan]] for replan in made]
    return Film(number + 1, film, length - 1, bool(episode["success"]), sheets, costs)


def _sheet(
    frames: Numbers, goal: Frame, plans: dict[str, Numbers], replan: int, interval: int
) -> Sheet:
    horizon, step = int(plans["horizons"][replan]), int(plans["replans"][replan])
    if not (0 < horizon <= len(plans["imagined"][replan]) and step < len(frames) and interval > 0):
        raise ValueError(f"replan {replan + 1}: {horizon} frames from step {step}")
    later = [other for other in plans["replans"] if other > step]
    until = int(min(later)) if later else len(frames) - 1
    times = [step + interval * (k + 1) for k in range(horizon)]
    happened: list[Frame | None] = []
    for time in times:
        # An episode that ends between two frames of the model shows its last one at the next.
        shown = min(time, len(frames) - 1)
        seen = frames[shown] if shown > time - interval else None
        happened.append(figures.paler(seen, FADED) if shown > until and seen is not None else seen)
    imagined = list(plans["imagined"][replan][:horizon])
    return Sheet(figures.sheet([[goal, *imagined], [frames[step], *happened]]), step, times)
