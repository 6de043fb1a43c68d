"""One episode out of an HDF5 file: its arrays found, held against each other, and read."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes.episode import Episode
from pipeline.errors import DataError
from pipeline.files.content import brief
from pipeline.files.hdf5 import Array, Hdf5, open_hdf5
from pipeline.formats._shared import discrete, hdf5_arrays, pixels
from pipeline.formats.hdf5.listing import FETCH, WHOLE, Span

Alignment = Literal["at_frame", "before_frame"]
COUNT = "num_samples"
"""Attribute of robomimic's demonstrations: how many steps they have."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Which arrays of an episode are read, and how.

    Attributes:
        cameras, actions, states: their paths in the episode's group; of no states in none.
        alignment: at_frame, if actions[t] is applied at frame t; before_frame, if it led to it.
        discrete_actions: number of actions to choose from, None if they are continuous.
        bgr: whether colours are blue, green, red.
    """

    cameras: tuple[str, ...]
    actions: tuple[str, ...]
    states: tuple[str, ...]
    alignment: Alignment = "at_frame"
    discrete_actions: int | None = None
    bgr: bool = False


def check(span: Span, reading: Reading) -> None:
    """Look for the arrays of an episode, and read none of them.

    Raises:
        DataError: one is missing, of another kind, or of another length than its neighbours.
    """
    with open_hdf5(span.path, FETCH) as file:
        found = _arrays(file, span, reading)
        for name in reading.cameras:
            if (problem := hdf5_arrays.no_frames(found[name])) is not None:
                raise DataError(f"{file.path}: {found[name].name} {problem}")
        _steps(file, span, found, reading)


def read(span: Span, reading: Reading) -> Episode:
    """Read one episode.

    Raises:
        DataError: an array is missing, damaged, or contradicts another.
    """
    with open_hdf5(span.path, FETCH) as file:
        found = _arrays(file, span, reading)
        first, applied, count = _steps(file, span, found, reading)
        places = {name: f"{file.path}: {array.name}" for name, array in found.items()}
        cameras = [
            hdf5_arrays.frames(found[name], first, first + count, places[name])
            for name in reading.cameras
        ]
        actions = [
            _actions(found[name], applied, applied + count, places[name], reading.discrete_actions)
            for name in reading.actions
        ]
        states = [
            hdf5_arrays.float32(
                hdf5_arrays.numbers(found[name], first, first + count, places[name])
            )
            for name in reading.states
        ]
    frames = pixels.side_by_side(cameras, reading.cameras)
    if reading.bgr:
        frames = np.ascontiguousarray(frames[..., ::-1])
    nothing = np.zeros((count, 0), np.float32)
    return Episode(
        span.key,
        frames,
        np.concatenate(actions, axis=1),
        np.concatenate([nothing, *states], axis=1),
        {},
    )


def _actions(
    array: Array, start: int, stop: int, place: str, choices: int | None
) -> NDArray[np.float32]:
    values = hdf5_arrays.numbers(array, start, stop, place)
    if choices is not None:
        return discrete.one_hot(values, choices, place)
    if values.dtype.kind in "iu" and values.shape[1] == 1:
        raise DataError(
            f"{place} is one whole number ({array.dtype}) a step; set datasets.NAME."
            "discrete_actions to how many actions there are, and models get them as one-hot, or "
            "store it as floats if it is a quantity"
        )
    return hdf5_arrays.float32(values)


def _arrays(file: Hdf5, span: Span, reading: Reading) -> dict[str, Array]:
    """The arrays of an episode by their names in it."""
    group = "" if span.group == WHOLE else f"{span.group}/"
    names = (*reading.cameras, *reading.actions, *reading.states)
    return {name: file.array(f"{group}{name}") for name in names}


def _steps(
    file: Hdf5, span: Span, found: dict[str, Array], reading: Reading
) -> tuple[int, int, int]:
    """First frame and first action that are read, and how many of both.

    Raises:
        DataError: the arrays of the episode differ in length, or hold no step.
    """
    rows = {name: array.shape[0] for name, array in found.items()}
    first, frames, actions = _columns(file, span, rows) or _group(file, span, rows, reading)
    shift = 0
    if reading.alignment == "before_frame":
        if frames != actions:
            raise DataError(
                f"{file.path}: {frames} frames for {actions} actions, so that each leads from its "
                "frame to the next; set datasets.NAME.alignment to at_frame"
            )
        shift = 1
    if actions <= shift:
        raise DataError(
            f"{file.path}: {span.group}: holds {frames} frames and {actions} actions; leave it out"
        )
    return first, first + shift, actions - shift


def _columns(file: Hdf5, span: Span, rows: dict[str, int]) -> tuple[int, int, int] | None:
    """First step of an episode in columns, its frames and its actions; None if it is a group."""
    if span.steps is None:
        return None
    first, end = span.steps
    if len(set(rows.values())) > 1 or end > min(rows.values()):
        raise DataError(
            f"{file.path}: an episode is steps {first} to {end}, but the columns hold "
            f"{_told(rows)}; {FETCH}"
        )
    return first, end - first, end - first


def _group(file: Hdf5, span: Span, rows: dict[str, int], reading: Reading) -> tuple[int, int, int]:
    """0, the frames and the actions of an episode that is a group."""
    frames, actions = rows[reading.cameras[0]], rows[reading.actions[0]]
    right = {rows[name] for name in reading.cameras} == {frames}
    right &= {rows[name] for name in reading.actions} == {actions}
    right &= {rows[name] for name in reading.states} <= {frames, actions}
    if not right or frames - actions not in (0, 1):
        raise DataError(
            f"{file.path}: {span.group}: an episode has as many frames as actions, or one more, "
            f"but its arrays hold {_told(rows)}; {FETCH}"
        )
    counted = file.attribute(span.group, COUNT)
    if counted is not None and not np.array_equal(counted, actions):
        raise DataError(
            f"{file.path}: {span.group}: {COUNT} = {brief(counted)}, but it holds {actions} "
            f"actions; {FETCH}"
        )
    return 0, frames, actions


def _told(rows: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in rows.items())
