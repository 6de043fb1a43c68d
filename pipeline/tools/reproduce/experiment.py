"""A run of the paper as a DVC experiment in this workspace."""

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
RESTORE = "`git restore . && dvc checkout` restores the committed state"
UNFINISHED = (
    "this workspace now has its params.yaml and the results of its finished stages; run the same "
    f"command to resume; {RESTORE}"
)


def run(name: str, target: str, changes: Mapping[str, Any]) -> None:
    """Run dvc.yaml up to stage `target` with changed params; prints what the workspace then holds.

    DVC and the stages resume an interrupted run and do not repeat finished stages.

    Raises:
        DataError: DVC is not installed beside this Python.
        typer.Exit: with code 1, after a stage has failed and printed its error.
    """
    free = free_name(f"reproduce-{name}", _dvc("exp", "list", "--name-only", capture=True).split())
    sets = [word for key, value in changes.items() for word in ("-S", override(key, value))]
    try:
        _dvc("exp", "run", "-n", free, target, *sets)
    except (typer.Exit, KeyboardInterrupt):
        print(f"reproduce: {free} is not finished; {UNFINISHED}", flush=True)
        raise
    print(
        f"reproduce: this workspace now has the results of experiment {free}; {RESTORE}", flush=True
    )


def free_name(name: str, taken: Collection[str]) -> str:
    """The name, or the name with the first free number: DVC refuses a name that is taken."""
    numbered = (f"{name}-{number}" for number in count(2))
    return name if name not in taken else next(n for n in numbered if n not in taken)


def stage_command(words: list[str]) -> None:
    """Run the command of a stage outside DVC; exits with code 1 if it fails."""
    _checked([sys.executable, *words[1:]] if words[0] == "python" else words)


def _dvc(*words: str, capture: bool = False) -> str:
    program = BIN / "dvc"
    if not program.is_file():
        raise DataError(f"{program}: no such file; install this project with `pip install -e .`")
    return _checked([str(program), *words], capture=capture)


def _checked(command: list[str], *, capture: bool = False) -> str:
    """Run a command with this Python first on the PATH, as dvc.yaml calls it `python`."""
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    process = subprocess.run(
        command,
        env=environment,
        check=False,
        text=True,
        stdout=subprocess.PIPE if capture else None,
    )
    if process.returncode:
        raise typer.Exit(1)
    return process.stdout or ""
