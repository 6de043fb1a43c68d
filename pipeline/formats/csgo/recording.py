"""One recording: an HDF5 file of four arrays per step.

As in Pearce & Zhu 2021, `dm_pretrain_process.py`: `frame_{i}_x` uint8 [150, 280, 3] is BGR.
`frame_{i}_y` float64 [51] is the action.
`frame_{i}_xaux` float64 [54] describes the three previous steps, the latest first, zeros before the
first step: keys and clicks [13], mouse x / 1000, mouse y / 200, health / 100, rounds / 30, and 1
for the counter-terrorists. `frame_{i}_helperarr` float64 [2] is 1 for a kill and 1 for a death
since the previous step.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes.csgo_actions import (
    ACTION_DIM,
    BUTTONS,
    MOUSE_X,
    MOUSE_X_BINS,
    MOUSE_Y,
    MOUSE_Y_BINS,
)
from pipeline.episodes.episode import Episode, Meta
from pipeline.errors import DataError
from pipeline.files.content import parsing

if TYPE_CHECKING:
    import h5py

STATUS = ("health", "rounds", "counter-terrorist")
EVENTS = ("kill", "death")
STATE_DIM = len(STATUS) + len(EVENTS)
SCALE = np.array([100.0, 30.0, 1.0])  # divides STATUS in a file
HISTORY = 3  # previous steps in xaux
CONTROLS = BUTTONS + 2  # keys, clicks and mouse of one step in xaux
PER_STEP = CONTROLS + len(STATUS)  # size of one step in xaux

ARRAYS: dict[str, tuple[tuple[int, ...], type[np.generic]]] = {
    "x": ((150, 280, 3), np.uint8),
    "xaux": ((HISTORY * PER_STEP,), np.float64),
    "y": ((ACTION_DIM,), np.float64),
    "helperarr": ((len(EVENTS),), np.float64),
}

_REMEDY = "fetch or record it again"


def write(path: Path, episode: Episode) -> None:
    """Write one episode; the same episode gives the same bytes."""
    import h5py

    actions = episode.actions.astype(np.float64)
    status, events = np.split(episode.states.astype(np.float64), [len(STATUS)], axis=1)
    auxiliary = _auxiliary(actions, status / SCALE)
    with h5py.File(path, "w") as file:
        for step in range(len(episode)):
            arrays = episode.frames[step, ..., ::-1], auxiliary[step], actions[step], events[step]
            for name, array in zip(ARRAYS, arrays, strict=True):
                file.create_dataset(f"frame_{step}_{name}", data=array, track_times=False)


def read(path: Path, meta: Meta) -> Episode:
    """Read one episode; its states [5] are STATUS as of the previous step, then EVENTS.

    Raises:
        DataError: the file is missing or no HDF5, is cut short, or lacks an array of the published
            shape.
    """
    import h5py

    if not path.is_file():
        raise DataError(f"{path}: no such file; fetch it or take it off the list")
    with parsing(path, _REMEDY, "damaged or cut short"), h5py.File(path, "r") as file:
        names = frozenset(map(str, file))
        steps = sum(name.startswith("frame_") and name.endswith("_x") for name in names)
        required = [f"frame_{step}_{name}" for step in range(max(steps, 1)) for name in ARRAYS]
        for name in required:
            if name not in names:
                raise DataError(f"{path}: holds {steps} frames but no {name}; {_REMEDY}")
        frames, auxiliary, actions, events = (_stack(file, name, steps) for name in ARRAYS)
    status = np.concatenate([auxiliary[:, CONTROLS:PER_STEP] * SCALE, events], 1)
    with np.errstate(over="ignore"):  # Episode refuses the infinity
        actions32, states = actions.astype(np.float32), status.astype(np.float32)
    for frame in frames:  # in place: a copy would double the memory of ingest
        frame[:] = frame[..., ::-1]
    return Episode(path.stem, frames, actions32, states, meta)


def _auxiliary(actions: NDArray[np.float64], status: NDArray[np.float64]) -> NDArray[np.float64]:
    """`xaux` [T, 54] of actions [T, 51] and the scaled STATUS [T, 3] as of the previous step."""
    steps = len(actions)
    across, down = (
        actions[:, MOUSE_X_BINS] @ MOUSE_X / MOUSE_X[-1],
        actions[:, MOUSE_Y_BINS] @ MOUSE_Y / MOUSE_Y[-1],
    )
    controls = np.column_stack([actions[:, :BUTTONS], across, down])
    auxiliary = np.zeros((steps, HISTORY, PER_STEP))
    for lag in range(HISTORY):
        auxiliary[lag + 1 :, lag, :CONTROLS] = controls[: max(steps - lag - 1, 0)]
        auxiliary[lag:, lag, CONTROLS:] = status[: max(steps - lag, 0)]
    return auxiliary.reshape(steps, HISTORY * PER_STEP)


def _stack(file: "h5py.File", name: str, steps: int) -> NDArray[Any]:
    """The arrays frame_0_NAME, frame_1_NAME, .. of a file, stacked to [T, *shape]."""
    import h5py

    shape, dtype = ARRAYS[name]
    stacked = np.empty((steps, *shape), dtype)
    for step in range(steps):
        array = file[f"frame_{step}_{name}"]
        right = isinstance(array, h5py.Dataset) and array.shape == shape
        if right and not _lies_in(file, f"frame_{step}_{name}"):
            raise DataError(f"{file.filename}: frame_{step}_{name} lies elsewhere; {_REMEDY}")
        try:
            found = str(array)
            right = right and np.can_cast(array.dtype, dtype)
        except TypeError as error:  # HDF5 has types that numpy lacks
            right, found = False, str(error)
        if not right:
            raise DataError(
                f"{file.filename}: expected frame_{step}_{name} to be {dtype.__name__} {shape}, "
                f"found {found}; {_REMEDY}"
            )
        array.read_direct(stacked, dest_sel=np.s_[step])
    return stacked


def _lies_in(file: "h5py.File", name: str) -> bool:
    """Whether the values of an array are in the file itself: HDF5 may lead to any other."""
    import h5py

    array = file[name]
    linked = isinstance(file.get(name, getlink=True), h5py.HardLink)
    return linked and array.external is None and not array.is_virtual
