"""What may befall a run: signals, processes that are gone, latents that change under it."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from torch.distributed import DistError

from pipeline.errors import DataError


class StoppedError(Exception):
    """A signal asked the run to end, and all of it is saved."""

    def __init__(self, number: int, done: int) -> None:
        """Signal `number` came; `done` steps are saved."""
        name = signal.Signals(number).name
        super().__init__(
            f"train: stopped by {name} after step {done}, which is saved; run it again"
        )
        self.exit_code = 128 + number


class Signals:
    """Notes SIGTERM and SIGINT, so that a run can end between two steps.

    Further ones change nothing: torchrun passes on to its processes what they may have had already.
    """

    def __init__(self) -> None:
        """Nothing has come yet."""
        self.caught = 0

    @contextmanager
    def on(self) -> Iterator[None]:
        """Listen for the length of a block."""
        numbers = (signal.SIGTERM, signal.SIGINT)
        before = {number: signal.signal(number, self._note) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.caught = number


def is_lost_peer(error: RuntimeError) -> bool:
    """Whether processes cannot meet any more; gloo, which CPUs use, says so in words alone."""
    return isinstance(error, DistError) or "gloo/transport" in str(error)


class Unchanged:
    """Tells whether files of a folder were written since it was made."""

    def __init__(self, folder: Path) -> None:
        """Remember names, sizes and times."""
        self.folder, self.found = folder, _stamps(folder)

    def check(self) -> None:
        """Look again.

        Raises:
            DataError: something was written, moved or removed.
        """
        now = _stamps(self.folder)
        changed = sorted(
            name for name in self.found.keys() | now if self.found.get(name) != now.get(name)
        )
        if changed:
            raise DataError(
                f"{self.folder / changed[0]}: changed while it was trained on; run "
                "`dvc repro train` again: it resumes if the latents are what they were"
            )


def _stamps(folder: Path) -> dict[str, tuple[int, int]]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(f.relative_to(folder)): (f.stat().st_size, f.stat().st_mtime_ns) for f in files}
