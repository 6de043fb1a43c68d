"""Interruptions of a run: signals, lost peers, a latent cache that changes while it is read."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from torch.distributed import DistError

from pipeline.errors import DataError


class StoppedError(Exception):
    """A signal stopped the run, and its state is saved."""

    def __init__(self, number: int, step: int, stage: str = "train") -> None:
        """Signal `number` came; the state after `step` steps of a stage is saved."""
        name = signal.Signals(number).name
        super().__init__(
            f"{stage}: stopped by {name} after step {step}, state saved; rerun to resume"
        )
        self.exit_code = 128 + number


class SignalCatcher:
    """Remembers SIGTERM and SIGINT, so that a run can end between two steps.

    Further ones change nothing: torchrun forwards to its processes what they may have received.
    """

    def __init__(self) -> None:
        """None has come yet."""
        self.caught = 0

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Catch signals for the length of a block."""
        numbers = (signal.SIGTERM, signal.SIGINT)
        before = {number: signal.signal(number, self._catch) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _catch(self, number: int, frame: FrameType | None) -> None:
        self.caught = number


def is_lost_peer(error: RuntimeError) -> bool:
    """Whether another process is gone; gloo, the backend on CPUs, shows it in the message alone."""
    return isinstance(error, DistError) or "gloo/transport" in str(error)


class ChangeDetector:
    """Detects that files of a folder were written, moved or removed since it was made."""

    def __init__(self, folder: Path) -> None:
        """Remember the sizes and times of all files."""
        self.folder, self.before = folder, _stamps(folder)

    def check(self) -> None:
        """Compare.

        Raises:
            DataError: a file was written, moved or removed.
        """
        after = _stamps(self.folder)
        changed = sorted(
            name for name in self.before.keys() | after if self.before.get(name) != after.get(name)
        )
        if changed:
            raise DataError(
                f"{self.folder / changed[0]}: changed during training; run `dvc repro train` "
                "again: it resumes if the latents are the same as before"
            )


def _stamps(folder: Path) -> dict[str, tuple[int, int]]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(f.relative_to(folder)): (f.stat().st_size, f.stat().st_mtime_ns) for f in files}
