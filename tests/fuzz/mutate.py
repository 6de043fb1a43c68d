"""One mutation of one file of a folder, chosen by a seeded generator."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

from fuzz import binary, structured, tables

Change = Callable[[bytes, random.Random], bytes]
BY_SUFFIX: dict[str, Change] = {
    ".json": structured.mutated_json,
    ".jsonl": structured.mutated_json,
    ".yaml": structured.mutated_yaml,
    ".csv": structured.mutated_csv,
    ".npy": binary.mutated_npy,
    ".npz": binary.mutated_zip,
    ".tar": binary.mutated_tar,
    ".safetensors": binary.mutated_safetensors,
    ".pth": binary.mutated_torch,
    ".ckpt": binary.mutated_torch,
    ".pt": binary.mutated_torch,
    ".pkl": binary.mutated_pickle,
    ".parquet": tables.mutated_parquet,
    ".hdf5": tables.mutated_hdf5,
}


def mutate(folder: Path, files: list[Path], rng: random.Random) -> str:
    """Mutate one of the files of a folder in its place.

    Returns:
        What was done, such as "structure of meta/info.json".
    """
    # By kind first: else the hundred videos of a set would leave its one info.json alone.
    suffixes = sorted({path.suffix for path in files})
    suffix = rng.choice(suffixes)
    path = rng.choice([path for path in files if path.suffix == suffix])
    name = path.relative_to(folder)
    draw = rng.random()
    if draw < 0.08:
        return f"{_file(folder, path, rng)} {name}"
    change = BY_SUFFIX.get(suffix) or (BY_SUFFIX[".json"] if _is_json(path) else None)
    content = path.read_bytes()
    if change is not None and content and draw < 0.7:
        new, what = change(content, rng), f"structure of {name}"
    else:
        new, what = binary.mutated_bytes(content, rng), f"bytes of {name}"
    path.write_bytes(new)
    return what


def _is_json(path: Path) -> bool:
    """Whether a file without a suffix is JSON, as encode's marks are."""
    return path.suffix == "" and path.read_bytes()[:1] in (b"{", b"[")


def _file(folder: Path, path: Path, rng: random.Random) -> str:
    """Take a file away, or put something else in its place."""
    others = sorted(other for other in folder.rglob("*") if other.is_file() and other != path)
    change = rng.choice(("removed", "a folder", "dangling", "a loop", "swapped", "a folder above"))
    if change == "swapped":
        if others:
            shutil.copy(rng.choice(others), path)
        return "swapped"
    if change == "a folder above":
        if path.parent == folder:
            path.unlink()
            return "removed"
        shutil.rmtree(path.parent)
        path.parent.write_text("x")
        return "a file in the place of the folder of"
    path.unlink()
    if change == "a folder":
        path.mkdir()
    elif change == "dangling":
        path.symlink_to("nowhere")
    elif change == "a loop":
        path.symlink_to(path.name)
    return change
