"""Who is told how a run goes: TensorBoard, Weights & Biases, or nobody."""

import os
import secrets
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.errors import DataError, ParamsError
from pipeline.train.monitoring.tracking import Options

Image = NDArray[np.uint8]
"""RGB [H, W, 3]."""
STEP = "step"
"""What Weights & Biases draws everything over: its own count must grow, and a run may go back."""


class Tracker(Protocol):
    """One that is told; each of these may raise OSError, as where a disk is full."""

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Show numbers after so many steps."""

    def images(self, step: int, images: Mapping[str, Image]) -> None:
        """Show images."""

    def close(self) -> None:
        """Write what is left."""


class Trackers:
    """All that were asked for; `Trackers([])` tells nobody.

    One that cannot write is told no more, and says so: training goes on.
    """

    def __init__(self, told: list[Tracker]) -> None:
        """Tell these."""
        self.told = told

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """See `Tracker.add`."""
        self._tell(lambda tracker: tracker.add(step, values))

    def images(self, step: int, images: Mapping[str, Image]) -> None:
        """See `Tracker.images`."""
        self._tell(lambda tracker: tracker.images(step, images))

    def close(self) -> None:
        """See `Tracker.close`."""
        self._tell(lambda tracker: tracker.close())

    def _tell(self, what: Callable[[Tracker], None]) -> None:
        for tracker in list(self.told):
            try:
                what(tracker)
            except OSError as error:
                self.told.remove(tracker)
                _say_lost(type(tracker).__name__, error)
                with suppress(OSError):
                    tracker.close()


def start(
    options: Options, logs: Path, scratch: Path, done: int, config: Mapping[str, Any]
) -> Trackers:
    """Open all that params.yaml asks for; they write to a folder of `logs` named like `scratch`.

    Args:
        options: which.
        logs: the folder of all runs.
        scratch: the run's own folder, which lasts until the run is done.
        done: steps that the run has behind it; what was shown of later ones is shown anew.
        config: what the run computes, kept beside what it shows.

    Raises:
        ParamsError: Weights & Biases is not installed, or refuses.
        DataError: `logs` is a file.
    """
    if logs.exists() and not logs.is_dir():
        raise DataError(f"{logs}: is a file, but --logs is a folder; name another one")
    folder, told = logs / scratch.name, list[Tracker]()
    project = options.wandb
    if project is not None:
        told += _opened(lambda: WeightsAndBiases(project, folder, _run_id(scratch), config))
    if options.tensorboard:
        told += _opened(lambda: TensorBoard(folder, done, config))
    return Trackers(told)


def _opened(make: Callable[[], Tracker]) -> list[Tracker]:
    try:
        return [make()]
    except OSError as error:
        _say_lost("a tracker", error)
        return []


def _say_lost(name: str, error: OSError) -> None:
    print(f"train: {name} is told no more, training goes on: {error}", flush=True)


class TensorBoard:
    """An event file in a folder.

    It is written here: torch's SummaryWriter does so in a thread, which ends in a traceback where
    there is no room.
    """

    def __init__(self, folder: Path, done: int, config: Mapping[str, Any]) -> None:
        """Go on after `done` steps."""
        from tensorboard.compat.proto.event_pb2 import (  # type: ignore[import-untyped]
            Event,
            SessionLog,
        )
        from torch.utils.tensorboard import RecordWriter, summary

        self.event, self.summary = Event, summary
        folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{time.time():.6f}.{socket.gethostname()}.{os.getpid()}"
        self.file = (folder / name).open("xb")
        self.records = RecordWriter(self.file)
        self._write(0, file_version="brain.Event:2")
        # What was shown of this step and later ones is purged.
        self._write(done + 1, session_log=SessionLog(status=SessionLog.START))
        if not done:
            self._write(0, summary=summary.text("config", _indented(config)))

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """See `Tracker.add`."""
        for name, value in values.items():
            self._write(step, summary=self.summary.scalar(name, value))
        self.file.flush()  # a killed run goes on after a saved step, which must be in the file

    def images(self, step: int, images: Mapping[str, Image]) -> None:
        """See `Tracker.images`."""
        for name, image in images.items():
            shown = self.summary.image(name, torch.from_numpy(image), dataformats="HWC")
            self._write(step, summary=shown)
        self.file.flush()

    def close(self) -> None:
        """See `Tracker.close`."""
        self.file.close()

    def _write(self, step: int, **content: object) -> None:
        event = self.event(wall_time=time.time(), step=step, **content)
        self.records.write(event.SerializeToString())


class WeightsAndBiases:
    """A run at wandb.ai; with WANDB_MODE=offline, in files for `wandb sync`."""

    def __init__(self, project: str, folder: Path, run: str, config: Mapping[str, Any]) -> None:
        """Begin a run of a project, or go on with it."""
        wandb = _imported()
        folder.mkdir(parents=True, exist_ok=True)
        chosen = wandb.Settings(
            silent=True,
            console="off",
            disable_code=True,
            x_transaction_log_flush_interval=1.0,  # seconds that a kill can cost
        )
        try:
            self.run = wandb.init(
                project=project,
                dir=folder,
                id=run,
                name=folder.name,
                resume="allow",
                config=dict(config),
                settings=chosen,
            )
        except wandb.Error as error:
            said = str(error).strip().splitlines()[0].rstrip(".")
            raise ParamsError(
                f"tracking.wandb = {project!r}: {said}; run `wandb login`, set "
                "WANDB_MODE=offline, or set tracking.wandb to null"
            ) from None
        self.image = wandb.Image
        self.run.define_metric(STEP, hidden=True)
        self.run.define_metric("*", step_metric=STEP)

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """See `Tracker.add`."""
        self.run.log({STEP: step, **values})

    def images(self, step: int, images: Mapping[str, Image]) -> None:
        """See `Tracker.images`."""
        shown = {name: self.image(image) for name, image in images.items()}
        self.run.log({STEP: step, **shown})

    def close(self) -> None:
        """See `Tracker.close`."""
        self.run.finish()


def _imported() -> Any:
    try:
        import wandb
    except ImportError:
        raise ParamsError(
            "tracking.wandb needs Weights & Biases, which is not installed: "
            "`pip install -e '.[wandb]'`, or set tracking.wandb to null"
        ) from None
    return wandb


def _run_id(scratch: Path) -> str:
    """The same for as long as a run can be resumed; another one once it is made again."""
    path = scratch / "wandb_id"
    if not path.is_file():
        scratch.mkdir(parents=True, exist_ok=True)
        path.write_text(secrets.token_hex(4))
    return path.read_text()


def _indented(config: Mapping[str, Any]) -> str:
    """As JSON that Markdown shows as it stands."""
    import json

    return "\n".join(f"    {line}" for line in json.dumps(config, indent=2).splitlines())
