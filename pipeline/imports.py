"""Which modules of this package a module imports, read from its source: the code of a stage."""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent


@cache
def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name, with its file."""
    return {_dotted(path): path for path in sorted(PACKAGE.rglob("*.py"))}


@cache
def imported_by(module: str) -> frozenset[str]:
    """Modules of the package that importing `module` may run.

    Itself, all that it imports anywhere in its source, inside functions too, and the packages that
    these lie in. Imports under `if TYPE_CHECKING:` never run and do not count.
    """
    names = {module}
    for node in executed(ast.parse(modules()[module].read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    parts = [name.split(".") for name in names if name in modules()]
    return frozenset(".".join(part[: n + 1]) for part in parts for n in range(len(part)))


def executed(node: ast.AST) -> Iterator[ast.AST]:
    """A node of a syntax tree and all below it, but what stands under `if TYPE_CHECKING:`."""
    if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
        yield node
        for child in ast.iter_child_nodes(node):
            yield from executed(child)


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
