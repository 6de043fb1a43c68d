"""What a terminal shows of a download."""

from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.download.web import Advance


@contextmanager
def progress(total: int, what: str = "fetch") -> Iterator[Advance]:
    """A progress bar in bytes, on a terminal only."""
    from rich.console import Console
    from rich.progress import DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    console = Console(stderr=True)
    columns = (*Progress.get_default_columns()[:2], DownloadColumn(), TransferSpeedColumn())
    bar = Progress(
        *columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal
    )
    with bar:
        task = bar.add_task(what, total=total)
        yield lambda count: bar.advance(task, count)
