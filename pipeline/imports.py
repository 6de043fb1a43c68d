"""Which modules of this package a module imports, read from its source: the code of a stage."""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from pipeline.files.content import parsing

PACKAGE = Path(__file__).parent


@cache
def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name, with its file."""
    return {_dotted(path): path for path in sorted(PACKAGE.rglob("*.py"))}


@cache
def named_by(module: str) -> frozenset[str]:
    """Modules of the package that the import statements of `module` name, wherever they stand.

    `from a import b` names the module a.b if there is one, and a otherwise.

    Raises:
        DataError: the source of `module` is no Python.
    """
    names: set[str] = set()
    path = modules()[module]
    with parsing(path, "correct it", "not valid Python"):
        tree = ast.parse(path.read_bytes(), path.name)
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                names.add(inner if inner in modules() else node.module)
    return frozenset(names & modules().keys())


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """All statements, but none of their expressions: a tenth of the time of `ast.walk`."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        for block in ("body", "orelse", "finalbody", "handlers", "cases"):
            inner = vars(node).get(block)
            if isinstance(inner, list):  # a lambda's body is an expression
                waiting += inner


def imported_by(module: str) -> set[str]:
    """Modules of the package that importing `module` may run.

    Itself, those that it names, and the packages that these lie in.
    """
    parts = [name.split(".") for name in {module, *named_by(module)}]
    reached = {".".join(part[: n + 1]) for part in parts for n in range(len(part))}
    return reached & modules().keys()


def closure(starts: Iterable[str]) -> set[str]:
    """The modules `starts`, all that they import, all that these import, and so on."""
    reached: set[str] = set()
    waiting = list(starts)
    while waiting:
        module = waiting.pop()
        if module not in reached:
            reached.add(module)
            waiting += imported_by(module)
    return reached


def inside(module: str) -> set[str]:
    """A module and, if it is a package, all modules in it."""
    return {name for name in modules() if name == module or name.startswith(f"{module}.")}


def digest(starts: Iterable[str]) -> str:
    """SHA-256 of the source of `closure(starts)`: a changed program resumes no stale run."""
    total = hashlib.sha256()
    for module in sorted(closure(starts)):
        total.update(f"{module}\0".encode() + modules()[module].read_bytes())
    return total.hexdigest()


def _dotted(path: Path) -> str:
    parts = (PACKAGE.name, *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts).removesuffix(".__init__")
