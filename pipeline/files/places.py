"""Paths that params.yaml gives, relative to the project."""

from pathlib import Path

EXPERIMENTS = (".dvc", "tmp", "exps")
"""Where DVC copies a project to for `dvc exp run --temp` and `--queue`: what git tracks alone."""


def from_project(path: str | Path) -> Path:
    """A path of params.yaml; in DVC's copy of a project, that of the project itself.

    A data set or weights that git ignores are not in the copy; what is there goes first.
    """
    path = Path(path)
    parts = Path.cwd().parts
    copies = [n for n in range(len(parts) - 3) if parts[n : n + 3] == EXPERIMENTS]
    if path.is_absolute() or path.exists() or not copies:
        return path
    original = Path(*parts[: copies[-1]]) / path
    return original if original.exists() else path
