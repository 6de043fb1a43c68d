"""One recording: an HDF5 file of four arrays a step (Pearce & Zhu 2021, `dm_pretrain_process.py`).

`frame_{i}_x` uint8 [150, 280, 3] is BGR. `frame_{i}_y` float64 [51] is the action.
`frame_{i}_xaux` float64 [54] tells of the three steps before, the latest first, zeros where there
was none: keys and clicks [13], mouse across / 1000, mouse down / 200, health / 100, rounds / 30,
and 1 for the counter-terrorists. `frame_{i}_helperarr` float64 [2] is 1 for a kill and 1 for a
death since the step before.
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

if TYPE_CHECKING:
    import h5py

STATUS = ("health", "rounds", "counter-terrorist")
EVENTS = ("kill", "death")
STATE_DIM = len(STATUS) + len(EVENTS)
SCALE = np.array([100.0, 30.0, 1.0])  # of STATUS in a file
BEFORE = 3  # steps that xaux tells of
HANDS = BUTTONS + 2  # numbers of xaux for keys, clicks and the mouse of one step
ABOUT = HANDS + len(STATUS)

ARRAYS: dict[str, tuple[tuple[int, ...], type[np.generic]]] = {
    "x": ((150, 280, 3), np.uint8),
    "xaux": ((BEFORE * ABOUT,), np.float64),
    "y": ((ACTION_DIM,), np.float64),
    "helperarr": ((len(EVENTS),), np.float64),
}

_AGAIN = "fetch or record it again"


def write(path: Path, episode: Episode) -> None:
    """Write one episode; the same episode gives the same bytes."""
    import h5py

    actions = episode.actions.astype(np.float64)
    status, events = np.split(episode.states.astype(np.float64), [len(STATUS)], axis=1)
    auxiliary = _auxiliary(actions, status / SCALE)
    with h5py.File(path, "w") as file:
        for step in range(len(episode)):
            parts = episode.frames[step, ..., ::-1], auxiliary[step], actions[step], events[step]
            for name, part in zip(ARRAYS, parts, strict=True):
                file.create_dataset(f"frame_{step}_{name}", data=part, track_times=False)


def read(path: Path, meta: Meta) -> Episode:
    """Read one episode; its states [5] are STATUS as of the step before, and EVENTS.

    Raises:
        DataError: the file is no HDF5, is cut short, or lacks an array of the published shape.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            names = frozenset(map(str, file))
            steps = sum(name.startswith("frame_") and name.endswith("_x") for name in names)
            places = [f"frame_{step}_{name}" for step in range(max(steps, 1)) for name in ARRAYS]
            for place in places:
                if place not in names:
                    raise DataError(f"{path}: holds {steps} frames but no {place}; {_AGAIN}")
            frames, auxiliary, actions, events = (_stack(file, name, steps) for name in ARRAYS)
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        reason = str(error).splitlines()[0]
        raise DataError(f"{path}: damaged or cut short ({reason}); {_AGAIN}") from None
    known = np.concatenate([auxiliary[:, HANDS:ABOUT] * SCALE, events], 1)
    with np.errstate(over="ignore"):  # Episode refuses the infinity
        numbers, states = actions.astype(np.float32), known.astype(np.float32)
    for frame in frames:  # in place: a second copy would double what ingest holds
        frame[:] = frame[..., ::-1]
    return Episode(path.stem, frames, numbers, states, meta)


def _auxiliary(actions: NDArray[np.float64], status: NDArray[np.float64]) -> NDArray[np.float64]:
    """Xaux [T, 54] from actions [T, 51] and the status [T, 3] as of the step before."""
    steps = len(actions)
    across, down = (
        actions[:, MOUSE_X_BINS] @ MOUSE_X / MOUSE_X[-1],
        actions[:, MOUSE_Y_BINS] @ MOUSE_Y / MOUSE_Y[-1],
    )
    hands = np.column_stack([actions[:, :BUTTONS], across, down])
    auxiliary = np.zeros((steps, BEFORE, ABOUT))
    for back in range(BEFORE):
        auxiliary[back + 1 :, back, :HANDS] = hands[: max(steps - back - 1, 0)]
        auxiliary[back:, back, HANDS:] = status[: max(steps - back, 0)]
    return auxiliary.reshape(steps, BEFORE * ABOUT)


def _stack(file: "h5py.File", name: str, steps: int) -> NDArray[Any]:
    """frame_0_NAME, frame_1_NAME, .. of one file, [T, *shape]."""
    import h5py

    shape, dtype = ARRAYS[name]
    stacked = np.empty((steps, *shape), dtype)
    for step in range(steps):
        array = file[f"frame_{step}_{name}"]
        whole = isinstance(array, h5py.Dataset) and array.shape == shape
        if not whole or not np.can_cast(array.dtype, dtype):
            raise DataError(
                f"{file.filename}: expected frame_{step}_{name} to be {dtype.__name__} {shape}, "
                f"found {array}; {_AGAIN}"
            )
        array.read_direct(stacked, dest_sel=np.s_[step])
    return stacked
