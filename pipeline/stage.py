"""What every stage shares: exit codes, atomic outputs, scratch for resuming, progress, time."""

import fcntl
import hashlib
import json
import os
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NoReturn, TypeVar

import typer

from pipeline.compute.allocator import keep_freed_memory
from pipeline.compute.garbage import collect_rarely
from pipeline.compute.progress import progress
from pipeline.errors import DataError, UserError, machine_fault

Item = TypeVar("Item")
SCRATCH = Path(".scratch")


def main(command: Callable[..., None]) -> None:
    """Run a command; exit 2 with one line if the user's params or inputs are wrong, else 1."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(command)
    run(app)


def run(app: typer.Typer) -> None:
    """Run a Typer app with the exit codes of this project."""
    keep_freed_memory()
    collect_rarely()
    try:
        app()
    except UserError as error:
        _refuse(str(error))
    except Exception as error:
        if (fault := machine_fault(error)) is None:
            traceback.print_exc()
            sys.exit(1)
        place = error.filename if isinstance(error, OSError) else None
        _refuse(f"{place}: {fault}" if place is not None else fault)


def _refuse(line: str) -> NoReturn:
    """Print one line, whatever a file's name or content has put into it, and exit with 2."""
    print(f"error: {' '.join(line.splitlines())}", file=sys.stderr)
    sys.exit(2)


@contextmanager
def output(path: Path) -> Iterator[Path]:
    """Hand out a scratch path beside `path`; move it there only when the block ends well."""
    partial = path.with_name(f".{path.name}.partial")
    with _alone(path):
        remove(partial)
        try:
            yield partial
            if partial.is_dir() or path.is_dir():  # a file takes another's place in one step
                remove(path)
            os.replace(partial, path)
        finally:
            remove(partial)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Let no other process make `path` meanwhile; wait for one that an interrupted run has left.

    A signal that ends DVC alone leaves its stage running, and the next run starts it once more.
    """
    lock = path.with_name(f".{path.name}.lock.partial")
    lock.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with lock.open("w") as file:
            _wait_for(file, path)
            if not _is_at(file, lock):
                continue  # who had it has removed it
            try:
                yield
            finally:
                lock.unlink(missing_ok=True)
            return


def _wait_for(lock: IO[str], path: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"{path}: another process is making it; waiting until it ends", file=sys.stderr)
        fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError:
        return  # some file systems of clusters have no locks


def _is_at(file: IO[str], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


@contextmanager
def resumable(path: Path, *identity: str) -> Iterator[Path]:
    """Like `output` for a folder, but an error or a kill leaves what is there for the next run.

    Args:
        path: the folder to make.
        identity: everything that decides its content, as for `scratch`; what another one left is
            removed. So is what was being written at the time, if it is called `*.partial`.
    """
    partial = path.with_name(f".{path.name}.partial")
    owner, digest = partial / ".identity", _digest(identity)
    with _alone(path):
        if not owner.is_file() or owner.read_bytes() != digest.encode():
            remove(partial)
            partial.mkdir(parents=True)
            with output(owner) as whole:
                whole.write_text(digest)
        for unfinished in sorted(partial.rglob("*.partial")):
            remove(unfinished)
        yield partial
        remove(path)
        owner.unlink()
        os.replace(partial, path)


def write_json(path: Path, values: Any) -> None:
    """Write JSON whole or not at all, the same bytes for the same values.

    Raises:
        DataError: a number is NaN or infinite, for which JSON has no word.
    """
    try:
        text = json.dumps(values, indent=2, allow_nan=False)
    except ValueError as error:
        raise DataError(
            f"{path}: {error}: what it measures has diverged, or is too little to be measured; "
            "lower the learning rate of what was fitted or trained, or take more of it"
        ) from None
    with output(path) as partial:
        partial.write_text(f"{text}\n")


def remove(path: Path) -> None:
    """Delete a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def scratch(name: str, *identity: str) -> Iterator[Path]:
    """A folder that survives a killed run, and is handed out again only to the same identity.

    Args:
        name: the stage.
        identity: everything that decides its result: options, inputs, the code's own digest.
    """
    folder = SCRATCH / f"{name}-{_digest(identity)}"
    with _alone(folder):
        yield folder
        remove(folder)


def _digest(identity: tuple[str, ...]) -> str:
    return hashlib.sha256("\0".join(identity).encode()).hexdigest()[:16]


def track(items: Iterable[Item], what: str, total: int | None = None) -> Iterator[Item]:
    """Iterate over long work: with a bar on a terminal, with a line now and then elsewhere.

    Args:
        items: what to do.
        what: the work, named in front.
        total: number of items; their length, if they have one, by default.
    """
    if total is None and isinstance(items, Sized):
        total = len(items)
    with progress(f"{what}:", total) as shown:
        for item in items:
            yield item
            shown.advance()
            if shown.due():
                shown.note()


@contextmanager
def timed(record: Path | None) -> Iterator["StageSummary"]:
    """Time a stage, and print its summary once everything is written.

    Args:
        record: JSON file for the seconds that the stage took, and whatever else it `measured`;
            None only prints them.
    """
    start = time.perf_counter()
    summary = StageSummary()
    yield summary
    seconds = time.perf_counter() - start
    if record is not None:
        write_json(record, {"seconds": round(seconds, 2), **summary.measured})
    speed = summary.count / seconds
    rate = f", {speed:,.{0 if speed > 10 else 2}f} {summary.unit}/s" if summary.count else ""
    if summary.line:
        print(f"{summary.line} in {seconds:.1f} s{rate}")


@dataclass(slots=True)
class StageSummary:
    """The one line that a stage ends with: call it with the line once the work is done."""

    line: str = ""
    count: int = 0
    unit: str = ""
    measured: dict[str, float] = field(default_factory=dict)
    """Measurements that, like the time, differ from run to run."""

    def __call__(self, line: str, count: int = 0, unit: str = "frames") -> None:
        """Set the line; `count` of `unit` gives the speed that is printed after it."""
        self.line, self.count, self.unit = line, count, unit
