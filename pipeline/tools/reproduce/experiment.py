"""A run of the paper as a DVC experiment in this workspace."""

import subprocess
import sys
from collections.abc import Collection, Mapping
from itertools import count
from typing import Any

import typer

from pipeline.tools import dvc
from pipeline.tools.reproduce.preset import override

UNFINISHED = (
    "this workspace now has its params.yaml and the results of its finished stages; run the same "
    f"command to resume; {dvc.RESTORE}"
)


def run(name: str, target: str, changes: Mapping[str, Any]) -> None:
    """Run dvc.yaml up to stage `target` with changed params; prints what the workspace then holds.

    DVC and the stages resume an interrupted run and do not repeat finished stages.

    Raises:
        DataError: DVC is not installed beside this Python.
        typer.Exit: with code 1, after a stage has failed and printed its error.
    """
    free = free_name(f"reproduce-{name}", _taken())
    sets = [word for key, value in changes.items() for word in ("-S", override(key, value))]
    if dvc.run("exp", "run", "-n", free, target, *sets):
        print(f"reproduce: {free} is not finished; {UNFINISHED}", flush=True)
        raise typer.Exit(1)
    print(
        f"reproduce: this workspace now has the results of experiment {free}; {dvc.RESTORE}",
        flush=True,
    )


def _taken() -> list[str]:
    """Names of the experiments that there are."""
    listed = [dvc.program(), "exp", "list", "--name-only"]
    done = subprocess.run(
        listed, env=dvc.environment(), check=False, text=True, stdout=subprocess.PIPE
    )
    if done.returncode:
        raise typer.Exit(1)
    return done.stdout.split()


def free_name(name: str, taken: Collection[str]) -> str:
    """The name, or the name with the first free number: DVC refuses a name that is taken."""
    numbered = (f"{name}-{number}" for number in count(2))
    return name if name not in taken else next(n for n in numbered if n not in taken)


def stage_command(words: list[str]) -> None:
    """Run the command of a stage outside DVC; exits with code 1 if it fails."""
    command = [sys.executable, *words[1:]] if words[0] == "python" else words
    if subprocess.run(command, env=dvc.environment(), check=False).returncode:
        raise typer.Exit(1)
