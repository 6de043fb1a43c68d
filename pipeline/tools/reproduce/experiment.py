"""A run of the paper as a DVC experiment of this workspace."""

import os
import subprocess
import sys
from collections.abc import Collection, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import typer

from pipeline.errors import DataError
from pipeline.tools.reproduce.preset import override

BIN = Path(sys.executable).parent
BACK = "`git restore . && dvc checkout` brings back what was committed"
UNFINISHED = (
    "this workspace now holds its params.yaml, and results of stages that ended: the same command "
    f"goes on from there; {BACK}"
)


def run(name: str, target: str, changes: Mapping[str, Any]) -> None:
    """Run dvc.yaml up to `target` with params.yaml changed; say what the workspace then holds.

    What was interrupted goes on where it stopped, and what is done is not done again: DVC and the
    stages see to that. Ends this command with exit code 1 where a stage has failed, and said so.

    Raises:
        DataError: DVC is not installed beside this Python.
    """
    free = free_name(f"reproduce-{name}", _dvc("exp", "list", "--name-only", capture=True).split())
    sets = [word for key, value in changes.items() for word in ("-S", override(key, value))]
    try:
        _dvc("exp", "run", "-n", free, target, *sets)
    except (typer.Exit, KeyboardInterrupt):
        print(f"reproduce: {free} has not ended, and {UNFINISHED}", flush=True)
        raise
    print(f"reproduce: this workspace now holds the experiment {free}; {BACK}", flush=True)


def free_name(wanted: str, taken: Collection[str]) -> str:
    """A name that no experiment has: DVC refuses to save two under one."""
    numbered = (f"{wanted}-{number}" for number in count(2))
    return wanted if wanted not in taken else next(n for n in numbered if n not in taken)


def stage_command(words: list[str]) -> None:
    """Run a stage's command outside DVC; ends this one with exit code 1 where it fails."""
    _checked([sys.executable, *words[1:]] if words[0] == "python" else words)


def _dvc(*words: str, capture: bool = False) -> str:
    program = BIN / "dvc"
    if not program.is_file():
        raise DataError(f"{program}: no such file; install this project with `pip install -e .`")
    return _checked([str(program), *words], capture=capture)


def _checked(command: list[str], *, capture: bool = False) -> str:
    """Run with this Python first on the PATH, as it is `python` in dvc.yaml."""
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        command,
        env=environment,
        check=False,
        text=True,
        stdout=subprocess.PIPE if capture else None,
    )
    if done.returncode:
        raise typer.Exit(1)
    return done.stdout or ""
