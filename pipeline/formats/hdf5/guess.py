"""Which arrays of an HDF5 file hold frames, actions, states and episodes: by name and shape."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.files.hdf5 import Array, Hdf5
from pipeline.formats._shared import hdf5_arrays
from pipeline.formats.hdf5.listing import WHOLE, natural

ACTIONS = ("actions", "action", "act")
FLAGS = (
    "terminals", "timeouts", "terminations", "truncations", "terminated", "truncated", "dones",
    "done", "is_last",
)  # fmt: skip
"""What marks the last step of an episode."""
ENDS = ("episode_ends", "ends")
LENGTHS = ("episode_lengths", "ep_lengths", "lengths", "traj_lengths", "ep_len")
INDEX = ("episode_index", "episode_id", "episode_ids", "episode", "ep_idx")
OBSERVATIONS = ("obs", "observations", "observation")
STATES = ("states", "state", "qpos", "proprio", "observations")
NO_COLOUR = ("depth", "seg", "mask")
SECOND = ("hand", "wrist")
"""Cameras that see little of the scene."""
SMALLEST = 8
"""Pixels of the smaller side of an image."""
DEEPEST = 3
"""Groups that episodes may lie in."""


Named = tuple[str, Array]
"""An array, and its path in the episode."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What a file seems to hold; paths are relative to an episode.

    Attributes:
        episodes: the option of that name.
        groups: those of the episodes, empty where they are columns or a whole file.
        arrays: all that lie in the first episode.
        actions: the array of actions, None if none is recognised.
        cameras: arrays of images, best first.
        states: arrays of other observations.
    """

    episodes: dict[str, object]
    groups: list[str]
    arrays: list[Named]
    actions: Named | None
    cameras: list[str]
    states: list[str]


def layout(file: Hdf5) -> Layout:
    """The most likely layout of a file."""
    groups = _groups(file, WHOLE, 0, _holds_actions)
    if groups is None and not _holds_actions(_relative(file, WHOLE)):
        groups = _groups(file, WHOLE, 0, _holds_images)
    if groups is not None:
        pattern, names = groups
        arrays = _relative(file, names[0])
        episodes: dict[str, object] = {"groups": pattern}
    else:
        arrays, names = _relative(file, WHOLE), []
        episodes = _boundaries(arrays)
    actions = _actions(arrays)
    steps = actions[1].shape[0] if actions else None
    return Layout(
        episodes, names, arrays, actions, _cameras(arrays, steps), _states(arrays, actions)
    )


Test = Callable[[list[Named]], bool]


def _holds_actions(arrays: list[Named]) -> bool:
    return _actions(arrays) is not None


def _holds_images(arrays: list[Named]) -> bool:
    return bool(_cameras(arrays, None))


def _groups(file: Hdf5, parent: str, depth: int, test: Test) -> tuple[str, list[str]] | None:
    """A pattern of the groups that are numbered and pass a test, and those groups."""
    inner = [name for name in file.names(parent) if file.is_group(_join(parent, name))]
    families: dict[str, list[str]] = {}
    for name in inner:
        if re.search(r"[0-9]$", name):
            families.setdefault(re.sub(r"[0-9]+$", "*", name), []).append(name)
    for pattern, members in families.items():
        members.sort(key=natural)
        if test(_relative(file, _join(parent, members[0]))):
            return _join(parent, pattern), [_join(parent, name) for name in members]
    alone = [name for name in inner if not re.search(r"[0-9]$", name)]
    if depth < DEEPEST:
        for name in alone:
            if (found := _groups(file, _join(parent, name), depth + 1, test)) is not None:
                return found
    return None


def _join(parent: str, name: str) -> str:
    return name if parent == WHOLE else f"{parent}/{name}"


def _relative(file: Hdf5, group: str) -> list[Named]:
    start = 0 if group == WHOLE else len(group) + 1
    return [(array.name[start:], array) for array in file.arrays(group)]


def _leaf(path: str) -> str:
    return path.rpartition("/")[2].lower()


def _actions(arrays: list[Named]) -> Named | None:
    named = [
        (path, array)
        for path, array in arrays
        if _leaf(path) in ACTIONS and array.dtype.kind in hdf5_arrays.NUMBERS
    ]
    return min(named, key=lambda each: (each[0].count("/"), each[0]), default=None)


def _boundaries(arrays: list[Named]) -> dict[str, object]:
    """What ends episodes in columns; where nothing does, a file is one."""
    column = {
        _leaf(path): (path, array)
        for path, array in arrays
        if len(array.shape) == 1 and array.dtype.kind in "biuf"
    }
    for option, known in (("ends", ENDS), ("lengths", LENGTHS), ("index", INDEX)):
        for name in known:
            if name in column:
                return {option: column[name][0]}
    set_ = [column[name][0] for name in FLAGS if name in column and column[name][1].rows().any()]
    return {"flags": set_} if set_ else {"groups": WHOLE}


def _cameras(arrays: list[Named], steps: int | None) -> list[str]:
    found = [
        path
        for path, array in arrays
        if not _is_next(path)
        and not any(word in path.lower() for word in NO_COLOUR)
        and (steps is None or array.shape[0] - steps in (0, 1))
        and _is_image(array, path)
    ]
    return sorted(found, key=lambda path: (any(word in path for word in SECOND), natural(path)))


def _is_image(array: Array, path: str) -> bool:
    if hdf5_arrays.holds_files(array):
        words = ("image", "rgb", "cam", "pixels", "frame", "video")
        return any(word in path.lower() for word in words)
    if hdf5_arrays.no_frames(array) is not None or len(array.shape) != 4:
        return False
    sides = sorted(array.shape[1:])
    return sides[0] <= 3 and sides[1] >= SMALLEST


def _states(arrays: list[Named], actions: Named | None) -> list[str]:
    if actions is None:
        return []
    steps = actions[1].shape[0]
    numbers = [
        path
        for path, array in arrays
        if array.dtype.kind == "f"
        and len(array.shape) == 2
        and not _is_next(path)
        and array.shape[0] - steps in (0, 1)
        and path != actions[0]
    ]
    observed = [path for path in numbers if path.split("/")[0] in OBSERVATIONS and "/" in path]
    return sorted(observed or [path for path in numbers if _leaf(path) in STATES])


def _is_next(path: str) -> bool:
    return any(part.startswith("next") for part in path.lower().split("/"))
