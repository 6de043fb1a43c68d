"""Clips of several runs side by side: runs with the same truth share one picture."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.files.npy import Numbers
from pipeline.report import figures
from pipeline.tools.compare.content import Content

Frames = NDArray[np.uint8]
"""RGB [T, H, W, 3]."""
COUNT = 4
"""Clips that are shown of each run."""
GAP = 2
"""Pixels between two panels."""


@dataclass(frozen=True, slots=True)
class Film:
    """Panels that play together.

    Attributes:
        uri: an animated image, as a data URI.
        panels: the label of each panel, from left to right.
        runs: index of the run of each panel; None for what they share.
        words: under each panel.
    """

    uri: str
    panels: list[str]
    runs: list[int | None]
    words: list[str]


def dreams(runs: Sequence[Content]) -> list[Film]:
    """Long rollouts beside the recorded frames."""
    by_run = {
        index: {name: array.transpose(0, 1, 3, 4, 2) for name, array in run.dreams.items()}
        for index, run in enumerate(runs)
        if run.dreams is not None
    }
    films = []
    for group in _same({index: clips["truth"] for index, clips in by_run.items()}):
        truth = by_run[group[0]]["truth"]
        for clip in range(min(COUNT, *(len(by_run[index]["truth"]) for index in group))):
            panels = [truth[clip], *(by_run[index]["prediction"][clip] for index in group)]
            labels = ["recorded", *(runs[index].name for index in group)]
            uri = _play(panels, figures.SECONDS_PER_FRAME)
            films.append(Film(uri, labels, [None, *group], [""] * len(panels)))
    return films


def plans(runs: Sequence[Content]) -> list[Film]:
    """Planning episodes beside their goals; an episode that is over keeps its last frame."""
    by_run = {index: run.films for index, run in enumerate(runs) if run.films is not None}
    films = []
    for group in _same({index: clips["goals"][:, None] for index, clips in by_run.items()}):
        goals = by_run[group[0]]["goals"]
        for goal in range(min(COUNT, *(len(by_run[index]["goals"]) for index in group))):
            episodes = [_episode(by_run[index], goal) for index in group]
            reached = ["reached" if by_run[i]["success"][goal] else "missed" for i in group]
            pairs = zip(reached, episodes, strict=True)
            words = [f"{outcome}, {len(frames) - 1} steps" for outcome, frames in pairs]
            labels = ["goal", *(runs[index].name for index in group)]
            uri = _play([goals[goal][None], *episodes], seconds=0.15)
            films.append(Film(uri, labels, [None, *group], ["", *words]))
    return films


def _episode(films: dict[str, Numbers], number: int) -> Frames:
    frames: Frames = films["frames"][number]
    return frames[: max(1, min(int(films["lengths"][number]), len(frames)))]


def _same(truths: dict[int, Frames]) -> list[list[int]]:
    """Indices of runs, those together whose first frames of the shown clips are equal."""
    groups: list[list[int]] = []
    for index, truth in truths.items():
        first = truth[:COUNT, 0]
        for group in groups:
            if np.array_equal(first, truths[group[0]][:COUNT, 0]):
                group.append(index)
                break
        else:
            groups.append([index])
    return groups


def _play(panels: Sequence[Frames], seconds: float) -> str:
    return figures.animation(side_by_side(panels), seconds)


def side_by_side(panels: Sequence[Frames]) -> list[Frames]:
    """Films of any sizes and lengths as one, so that they keep time: frames [H, W, 4].

    Small ones are enlarged, short ones keep their last frame; between them the page is seen.
    """
    length, height = max(map(len, panels)), max(panel.shape[1] for panel in panels)
    width = max(panel.shape[2] for panel in panels)
    gap = np.zeros((height, GAP, 4), np.uint8)
    frames = []
    for t in range(length):
        sized = [_sized(panel[min(t, len(panel) - 1)], width, height) for panel in panels]
        opaque = [np.insert(frame, 3, 255, axis=2) for frame in sized]
        frames.append(np.concatenate([part for one in opaque for part in (gap, one)][1:], 1))
    return frames


def _sized(frame: Frames, width: int, height: int) -> Frames:
    if frame.shape[:2] == (height, width):
        return frame
    return np.asarray(Image.fromarray(frame).resize((width, height), Image.Resampling.NEAREST))
