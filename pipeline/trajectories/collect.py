"""Compute and write trajectories; a run that was killed goes on after its last whole shard."""

from pathlib import Path

import numpy as np

from pipeline import imports, stage
from pipeline.denoisers import DENOISERS
from pipeline.errors import ParamsError, telling_full_disk
from pipeline.files.units import readable
from pipeline.latents import metadata, writer
from pipeline.latents.shard_layout import shard_rows
from pipeline.objectives import OBJECTIVES
from pipeline.trajectories.collection import Collection
from pipeline.trajectories.store import ORIGIN, STATES, Origin

MARKS = "finished"
"""Folder with an empty file for each whole shard, until all are."""


def collect(found: Collection, max_bytes: int, out: Path) -> Origin:
    """Announce what the trajectories take, compute those that are missing, and write them.

    Raises:
        ParamsError: they take more than `max_bytes`.
        DataError: the disk is full.
    """
    origin, column = found.origin, found.origin.column
    said = announced(found, max_bytes)
    identity = (origin.model_dump_json(), str(found.batch), found.teacher.device.type, _code(found))
    size = shard_rows(origin.clips, column.row_bytes)
    starts = range(0, origin.clips, size)
    with (
        telling_full_disk(out, "finished shards are kept"),
        stage.resumable(out, *identity) as partial,
    ):
        marks = partial / MARKS
        if not marks.is_dir() or not metadata.is_of(partial, {STATES: column}, origin.clips, size):
            stage.remove(marks)
            writer.create(partial, {STATES: column}, origin.clips, size)
            marks.mkdir()
        missing = [start for start in starts if not (marks / str(start)).exists()]
        if len(missing) < len(starts):
            done = len(starts) - len(missing)
            print(f"trajectories: resuming after {done} of {len(starts)} shards", flush=True)
        left = sum(min(size, origin.clips - start) for start in missing)
        print(f"{said} and about {left * found.seconds():,.0f} s", flush=True)
        for start in stage.track(missing, "trajectories: shard"):
            clips = np.arange(start, min(start + size, origin.clips))
            writer.write_rows(partial, start, {STATES: found.states(clips)})
            (marks / str(start)).touch()
        stage.remove(marks)
        (partial / ORIGIN).write_text(origin.model_dump_json(indent=2) + "\n")
    return origin


def announced(found: Collection, max_bytes: int) -> str:
    """What the trajectories take, in bytes.

    Raises:
        ParamsError: more than `max_bytes`.
    """
    origin = found.origin
    row = origin.column.row_bytes
    frames, steps = found.windows.frames, len(origin.levels)
    line = (
        f"{origin.clips} clips of {frames} frames at {steps} levels take "
        f"{readable(origin.clips * row)}"
    )
    if origin.clips * row > max_bytes:
        raise ParamsError(
            f"trajectories.max_bytes = {max_bytes}, but {line}; raise it, or lower "
            f"trajectories.clips to {max_bytes // row} or distill.student_steps"
        )
    return f"trajectories: {line}"


def _code(found: Collection) -> str:
    config = found.teacher.config
    members = (
        DENOISERS.module(config.denoiser.name),
        OBJECTIVES.module(config.objective.name),
    )
    return imports.digest(["pipeline.trajectories.__main__", *members])
