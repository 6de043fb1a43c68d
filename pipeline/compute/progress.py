"""How far long work is: a bar on a terminal, and elsewhere a line now and then."""

import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from rich import progress as rich
from rich.console import Console

BETWEEN_LINES = 10.0
"""Least seconds between two lines where there is no terminal."""
BETWEEN_NOTES = 0.5
"""Least seconds between two notes beside a bar."""


class Progress(ABC):
    """Counts finished steps; whoever takes them asks whether a note is due before making one."""

    def __init__(self, what: str, total: int | None, done: int, interval: float) -> None:
        """Start after `done` of `total` steps; notes are at least `interval` seconds apart."""
        self.what, self.total, self.done, self.begun = what, total, done, done
        self.interval = interval
        self.start = self.noted = time.perf_counter()

    def advance(self) -> None:
        """Count a step."""
        self.done += 1

    def due(self) -> bool:
        """Whether the last note is old enough; none is due at the end."""
        return self.done != self.total and time.perf_counter() - self.noted >= self.interval

    def note(self, *words: str) -> None:
        """Show how far it is, and these words: a bar has room for the first alone."""
        self.noted = time.perf_counter()
        self._show(words)

    @abstractmethod
    def _show(self, words: Sequence[str]) -> None: ...


class Lines(Progress):
    """A line on stderr for each note."""

    def __init__(self, what: str, total: int | None, done: int) -> None:
        """Start after `done` of `total` steps."""
        super().__init__(what, total, done, BETWEEN_LINES)

    def _show(self, words: Sequence[str]) -> None:
        if self.total is None:
            said = [f"{self.done:,}", *words]
        else:
            said = [f"{self.done:,} of {self.total:,}", *words, f"eta {self._eta(self.total)}"]
        print(f"{self.what} {', '.join(said)}", file=sys.stderr, flush=True)

    def _eta(self, total: int) -> timedelta:
        """Time that the rest takes at the mean speed so far, in whole seconds."""
        each = (time.perf_counter() - self.start) / (self.done - self.begun)
        return timedelta(seconds=round(each * (total - self.done)))


class Bar(Progress):
    """A bar with the first word of the newest note beside it."""

    def __init__(self, what: str, total: int | None, done: int, bars: rich.Progress) -> None:
        """Start after `done` of `total` steps."""
        super().__init__(what, total, done, BETWEEN_NOTES)
        self.bars, self.task = bars, bars.add_task(what, total=total, completed=done, note="")

    def advance(self) -> None:
        """Count a step."""
        super().advance()
        self.bars.advance(self.task)

    def _show(self, words: Sequence[str]) -> None:
        self.bars.update(self.task, note=next(iter(words), ""))


@contextmanager
def progress(what: str, total: int | None, done: int = 0) -> Iterator[Progress]:
    """Show the progress of a block on stderr.

    Args:
        what: the work and the unit in which it is counted, such as "train: step".
        total: number of its steps, if it is known.
        done: steps taken before.
    """
    console = Console(stderr=True)
    if not (sys.stderr.isatty() and console.is_interactive):
        yield Lines(what, total, done)
        return
    columns = (*rich.Progress.get_default_columns(), rich.TextColumn("{task.fields[note]}"))
    with rich.Progress(*columns, console=console) as bars:
        yield Bar(what, total, done, bars)
