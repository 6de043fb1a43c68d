"""The block of params.yaml for a folder of HDF5 files, as far as names and shapes tell it."""

import zipfile
from pathlib import Path

from pipeline.errors import UserError
from pipeline.files.hdf5 import Hdf5, open_hdf5
from pipeline.formats import Detected
from pipeline.formats._shared import discrete
from pipeline.formats.hdf5 import guess
from pipeline.formats.hdf5.listing import FETCH, WHOLE, natural

SUFFIXES = (".hdf5", ".h5", ".hdf")
HELD_OUT = ("-val", "_val", "-valid", "_valid")
"""Ends of the names of files that hold the validation episodes."""
NO_NPZ = (
    "no episode of a npz file can be read alone: turn the files into HDF5, as docs/formats.md shows"
)
SHOWN = 40
"""Arrays that are listed at most."""
OTHERS = ("ep_offset", "frame_0_x")
"""Arrays by which files are another format's: stable-worldmodel's, CSGO's."""


def detect(folder: Path) -> Detected | None:
    """What the HDF5 files of a folder hold, by the first of them; None if there are none."""
    pattern, paths = _files(folder)
    if not paths:
        return _as_npz(folder)
    if _is_minari(paths[0]):
        return None
    try:
        with open_hdf5(paths[0], FETCH) as file:
            if set(OTHERS).intersection(file.names()):
                return None
            return _described(file, pattern, paths)
    except UserError:  # no HDF5, whatever its name says
        return None


def _files(folder: Path) -> tuple[str, list[Path]]:
    """A pattern of the files' names, and those files in natural order; training files first."""
    for suffix in SUFFIXES:
        for pattern in (f"*{suffix}", f"*/*{suffix}"):
            paths = [path for path in folder.glob(pattern) if path.is_file()]
            if paths:
                held_out = [path.stem.endswith(HELD_OUT) for path in paths]
                order = sorted(
                    zip(held_out, paths, strict=True),
                    key=lambda each: (each[0], natural(each[1].with_suffix("").as_posix())),
                )
                return pattern, [path for _, path in order]
    return "", []


def _as_npz(folder: Path) -> Detected | None:
    """OGBench's files as they are published; None if there are none."""
    for path in folder.glob("*.npz"):
        try:
            with zipfile.ZipFile(path) as archive:
                names = set(archive.namelist())
        except (OSError, ValueError, zipfile.BadZipFile):
            continue
        if {"observations.npy", "actions.npy", "terminals.npy"} <= names:
            return Detected("OGBench npz", lacks=NO_NPZ)
    return None


def _is_minari(file: Path) -> bool:
    return file.name == "main_data.hdf5" and (file.parent / "metadata.json").is_file()


def _described(file: Hdf5, pattern: str, paths: list[Path]) -> Detected:
    layout = guess.layout(file)
    options: dict[str, object] = {"files": pattern, "episodes": layout.episodes}
    listed = "; ".join(
        f"{path} {array.dtype} {list(array.shape)}" for path, array in layout.arrays[:SHOWN]
    )
    facts: dict[str, object] = {"files": len(paths), "arrays": listed}
    if masks := file.names("mask"):
        facts["filter_keys"] = ", ".join(f"mask/{name}" for name in masks[:SHOWN])
    if layout.cameras:
        options["cameras"] = layout.cameras[:1]
    if len(layout.cameras) > 1:
        facts["cameras"] = f"{', '.join(layout.cameras)}: several in the list stand side by side"
    if layout.actions is not None:
        path, actions = layout.actions
        options["actions"] = [path]
        options["states"] = layout.states
        if actions.dtype.kind in "iu" and actions.shape[1:] in ((), (1,)):
            largest = int(actions.rows().max(initial=1))
            options["discrete_actions"] = min(largest + 1, discrete.MOST)
            facts["discrete_actions"] = (
                "as many as the first file has; correct it if there are more"
            )
    if (split := _split(file, pattern, paths)) is not None:
        options["split"] = split
    return Detected(_title(layout), options, facts, _lacks(layout, len(paths)))


def _title(layout: guess.Layout) -> str:
    if layout.groups:
        return "robomimic" if layout.groups[0].startswith("data/demo_") else "HDF5 (grouped)"
    return "HDF5 (a file each)" if layout.episodes == {"groups": WHOLE} else "HDF5 (columns)"


def _lacks(layout: guess.Layout, files: int) -> str | None:
    """What params.yaml must say, as it was not recognised."""
    lacks = []
    if layout.actions is None:
        lacks.append("no array is named actions: name it in `actions`")
    if not layout.cameras:
        lacks.append(
            "no array holds images: name it in `cameras`; a set of states alone must be rendered "
            "first (robomimic's with its dataset_states_to_obs.py --camera_names)"
        )
    if layout.episodes == {"groups": WHOLE} and files == 1:
        lacks.append("no array says where episodes end: name what does in `episodes`")
    return "; ".join(lacks) or None


def _split(file: Hdf5, pattern: str, paths: list[Path]) -> dict[str, str] | None:
    if {"train", "valid"} <= set(file.names("mask")):
        return {"train": "mask/train", "valid": "mask/valid"}
    for end in HELD_OUT:
        held_out = [path for path in paths if path.stem.endswith(end)]
        if held_out and len(held_out) < len(paths):
            return {"valid_files": pattern.replace("*.", f"*{end}.")}
    return None
