"""Stages by their own command lines, in this process: nothing is imported anew."""

import contextlib
import importlib
import io
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pipeline_helpers import loaded

from pipeline import stage as stages
from pipeline.params import STAGES
from pipeline.tools.dvc_yaml import DVC_YAML
from pipeline.tools.dvc_yaml.read import Stage
from pipeline.tools.dvc_yaml.read import stages as stages_of

PARSED: dict[bytes, dict[str, Stage]] = {}
"""The stages of each dvc.yaml that was read, by its content."""


@dataclass(frozen=True)
class Done:
    """How a command ended: its exit code, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


def stage_of(folder: Path, stage: str) -> Stage:
    """What dvc.yaml says of a stage, with the selectors of the folder's params.yaml filled in."""
    path = folder / DVC_YAML
    content = path.read_bytes()
    if content not in PARSED:  # 50 ms, and tests ask hundreds of times
        PARSED[content] = stages_of(path)
    return PARSED[content][stage].filled(loaded(folder / "params.yaml"))


def outs_of(folder: Path, stage: str) -> list[Path]:
    """All that a stage writes."""
    written = stage_of(folder, stage)
    return [folder / out for out in (*written.outs, *written.records)]


def run_stage(folder: Path, stage: str, *, check: bool = True) -> Done:
    """Run a stage as `python -m pipeline.STAGE` would with the words that dvc.yaml has for it."""
    words = stage_of(folder, stage).command[2:]
    command = importlib.import_module(f"pipeline.{stage}.__main__").command
    out, err, code = io.StringIO(), io.StringIO(), 0
    before = sys.argv
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        sys.argv = words
        try:
            stages.main(command)
        except SystemExit as end:
            code = int(end.code or 0)
        finally:
            sys.argv = before
    done = Done(code, out.getvalue(), err.getvalue())
    assert not check or done.returncode == 0, f"{stage}\n{done.stdout}\n{done.stderr}"
    return done


def run_stages(folder: Path, chosen: Iterable[str] = STAGES) -> Path:
    """Run stages one after the other; the folder."""
    for stage in chosen:
        run_stage(folder, stage)
    return folder
