"""Download plans: which files are missing, their sizes, and the disk space they need."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pipeline.download.disk import free
from pipeline.download.web import Advance, HttpClient

MAX_ROWS = 12
FEWER = ", or fetch fewer --episodes"
"""What a download that is too large can be, apart from elsewhere."""


@dataclass(frozen=True, slots=True)
class Request:
    """How much of a data set, and where to."""

    dest: Path
    episodes: int | None = None
    """The first N; None for all."""
    revision: str | None = None
    """None for the commit pinned in `sets.SETS`."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The files to download, and the function that downloads them."""

    files: list[tuple[str, int]]
    """Name and bytes to download."""
    space: int
    """Peak of the additional bytes on disk, during the download and after it."""
    run: Callable[[Advance], None]
    revision: str | None = None
    """The commit that is downloaded; None on OSF."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Servers that data sets are downloaded from, and the delay between retries."""

    osf: str = "https://api.osf.io/v2"
    hub: str | None = None
    """Endpoint of the Hugging Face Hub; None for HF_ENDPOINT or the default."""
    delay: float = 1.0
    """Seconds before the first retry, doubled at each further one."""


class Source(Protocol):
    """A published data set. Its folder below DEST is the value of `datasets.NAME.root`."""

    @property
    def page(self) -> str:
        """URL of its web page."""

    @property
    def folder(self) -> str:
        """Its folder below DEST."""

    def plan(self, request: Request, endpoints: Endpoints, http: HttpClient) -> Plan:
        """List the published files, and compare with what DEST already holds.

        Raises:
            UnreachableError: the server does not answer.
            DataError: the server holds something other than this data set.
            ParamsError: a revision is requested from a server that has none.
        """


def show(plan: Plan, dest: Path) -> None:
    """Print the files with their sizes, the total, and the disk space needed and free."""
    from rich.filesize import decimal
    from rich.table import Table

    from pipeline.tools import tables

    table = Table("file", "size")
    table.columns[1].justify = "right"
    for name, size in plan.files[:MAX_ROWS]:
        table.add_row(name, decimal(size))
    rest = plan.files[MAX_ROWS:]
    if rest:
        table.add_row(f"and {len(rest):,} more", decimal(sum(size for _, size in rest)))
    table.add_section()
    table.add_row("to download", decimal(sum(size for _, size in plan.files)))
    table.add_row("disk space needed", decimal(plan.space))
    table.add_row("disk space free", decimal(free(dest)))
    tables.show(table)
