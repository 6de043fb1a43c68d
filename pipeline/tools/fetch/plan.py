"""What a set still needs: shown and held against the free disk space before it starts."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pipeline.errors import DataError
from pipeline.tools.fetch.web import Advance, Web

SHOWN = 12


@dataclass(frozen=True, slots=True)
class Wanted:
    """How much of a set, and where to."""

    dest: Path
    episodes: int | None = None
    """The first of the set, or all of it."""
    revision: str | None = None
    """None takes the commit that this version of the project knows."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The files still to come and how to get them."""

    files: list[tuple[str, int]]
    """Name and bytes to download."""
    space: int
    """Bytes that the disk must hold at most, while it runs and after."""
    run: Callable[[Advance], None]
    revision: str | None = None
    """The commit that is downloaded, where the place has commits."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where the sets are looked for, and how patiently; tests name other places."""

    osf: str = "https://api.osf.io/v2"
    hub: str | None = None
    """Endpoint of the hub; None is HF_ENDPOINT, or the hub's own."""
    delay: float = 1.0
    """Seconds before the first retry; every further one waits twice as long."""


class Source(Protocol):
    """A published set. Its folder below DEST is what `datasets.NAME.root` is set to."""

    @property
    def page(self) -> str:
        """Where a person finds it."""

    @property
    def folder(self) -> str:
        """Where it is put, below DEST."""

    def plan(self, wanted: Wanted, places: Places, web: Web) -> Plan:
        """Ask the place what there is, and compare with what DEST already holds.

        Raises:
            UnreachableError: the place does not answer.
            DataError: it holds something else than this set.
            ParamsError: it has no revisions.
        """


def show(plan: Plan, dest: Path) -> None:
    """Print the files with their sizes, the total, and the space that is needed and free."""
    from rich.filesize import decimal
    from rich.table import Table

    from pipeline.tools import tables as tools

    table = Table("file", "size")
    table.columns[1].justify = "right"
    for name, size in plan.files[:SHOWN]:
        table.add_row(name, decimal(size))
    rest = plan.files[SHOWN:]
    if rest:
        table.add_row(f"and {len(rest):,} more", decimal(sum(size for _, size in rest)))
    table.add_section()
    table.add_row("to download", decimal(sum(size for _, size in plan.files)))
    table.add_row("disk space needed", decimal(plan.space))
    table.add_row("disk space free", decimal(free(dest)))
    tools.show(table)


def room(dest: Path, needed: int) -> None:
    """Refuse what the disk cannot hold.

    Raises:
        DataError: naming the bytes that are needed and those that are free.
    """
    from rich.filesize import decimal

    if needed > free(dest):
        raise DataError(
            f"{dest}: {decimal(needed)} are needed, but only {decimal(free(dest))} are free on its "
            "disk; make room, name a folder on a larger disk, or ask for fewer --episodes"
        )


def free(dest: Path) -> int:
    """Free bytes on the disk on which a folder is, or will be."""
    existing = next(path for path in (dest, *dest.absolute().parents) if path.exists())
    return shutil.disk_usage(existing).free


@contextmanager
def progress(total: int) -> Iterator[Advance]:
    """A bar of bytes on a terminal, and silence elsewhere."""
    from rich.console import Console
    from rich.progress import DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    console = Console(stderr=True)
    columns = (*Progress.get_default_columns()[:2], DownloadColumn(), TransferSpeedColumn())
    bar = Progress(
        *columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal
    )
    with bar:
        task = bar.add_task("fetch", total=total)
        yield lambda count: bar.advance(task, count)
