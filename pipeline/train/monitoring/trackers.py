"""Experiment trackers: TensorBoard and Weights & Biases."""

import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import DataError, ParamsError
from pipeline.train.monitoring.tracking import Options

Image = NDArray[np.uint8]
"""RGB [H, W, 3]."""
STEP = "step"
"""The x axis at Weights & Biases: its own step must grow, and a resumed run may go back."""


class Tracker(Protocol):
    """Logs to one service; every method may raise OSError, such as for a full disk."""

    name: str

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Log scalars after `step` steps."""

    def log_images(self, step: int, images: Mapping[str, Image]) -> None:
        """Log images after `step` steps."""

    def close(self) -> None:
        """Flush and close."""


class Trackers:
    """Several trackers; one that cannot write is dropped with a warning, and training continues."""

    def __init__(self, active: list[Tracker]) -> None:
        """Log to these."""
        self.active = active

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Log scalars after `step` steps."""
        self._each(lambda tracker: tracker.log(step, values))

    def log_images(self, step: int, images: Mapping[str, Image]) -> None:
        """Log images after `step` steps."""
        self._each(lambda tracker: tracker.log_images(step, images))

    def close(self) -> None:
        """Flush and close all."""
        self._each(lambda tracker: tracker.close())

    def _each(self, action: Callable[[Tracker], None]) -> None:
        for tracker in list(self.active):
            try:
                action(tracker)
            except OSError as error:
                self.active.remove(tracker)
                _warn(tracker.name, error)
                with suppress(OSError):
                    tracker.close()


def start(
    options: Options, logs: Path, scratch: Path, step: int, config: Mapping[str, Any]
) -> Trackers:
    """Open the trackers of params.yaml; they write to a subfolder of `logs` named like `scratch`.

    Args:
        options: which trackers.
        logs: the folder of all runs.
        scratch: the run's own folder, which lasts until the run is complete.
        step: steps taken before; what was logged of later ones is logged again.
        config: the run's configuration, logged beside its values.

    Raises:
        ParamsError: Weights & Biases is not installed, or refuses.
        DataError: `logs` is a file.
    """
    if logs.exists() and not logs.is_dir():
        raise DataError(f"{logs}: is a file, but --logs is a folder; name another one")
    folder, trackers = logs / scratch.name, list[Tracker]()
    project = options.wandb
    if project is not None:
        trackers += _open(
            WeightsAndBiases.name,
            lambda: WeightsAndBiases(project, folder, _run_id(scratch), config),
        )
    if options.tensorboard:
        trackers += _open(TensorBoard.name, lambda: TensorBoard(folder, step, config))
    return Trackers(trackers)


def _open(name: str, make: Callable[[], Tracker]) -> list[Tracker]:
    try:
        return [make()]
    except OSError as error:
        _warn(name, error)
        return []


def _warn(name: str, error: OSError) -> None:
    print(f"train: logging to {name} is off from here on, training continues: {error}", flush=True)


class TensorBoard:
    """Event files in a folder."""

    name = "TensorBoard"

    def __init__(self, folder: Path, step: int, config: Mapping[str, Any]) -> None:
        """Continue after `step` steps; purges what was logged of later ones."""
        from torch.utils.tensorboard import SummaryWriter

        self.writer = SummaryWriter(folder, purge_step=step + 1)
        if not step:
            self.writer.add_text("config", _indented(config))

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Log scalars after `step` steps."""
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)
        self.writer.flush()  # a killed run resumes after a saved step, which must be in the file

    def log_images(self, step: int, images: Mapping[str, Image]) -> None:
        """Log images after `step` steps."""
        for name, image in images.items():
            self.writer.add_image(name, image, step, dataformats="HWC")
        self.writer.flush()

    def close(self) -> None:
        """Close the file."""
        self.writer.close()


class WeightsAndBiases:
    """A run at wandb.ai; with WANDB_MODE=offline, in files for `wandb sync`."""

    name = "Weights & Biases"

    def __init__(self, project: str, folder: Path, run: str, config: Mapping[str, Any]) -> None:
        """Begin the project's run of this id, or resume it."""
        wandb = _import_wandb()
        folder.mkdir(parents=True, exist_ok=True)
        settings = wandb.Settings(
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
                settings=settings,
            )
        except wandb.Error as error:
            reason = str(error).strip().splitlines()[0].rstrip(".")
            raise ParamsError(
                f"tracking.wandb = {project!r}: {reason}; run `wandb login`, set "
                "WANDB_MODE=offline, or set tracking.wandb to null"
            ) from None
        self.image = wandb.Image
        self.run.define_metric(STEP, hidden=True)
        self.run.define_metric("*", step_metric=STEP)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Log scalars after `step` steps."""
        self.run.log({STEP: step, **values})

    def log_images(self, step: int, images: Mapping[str, Image]) -> None:
        """Log images after `step` steps."""
        logged = {name: self.image(image) for name, image in images.items()}
        self.run.log({STEP: step, **logged})

    def close(self) -> None:
        """End the run's session."""
        self.run.finish()


def opened_by(
    options: Options, logs: Path | None, scratch: Path, config: Mapping[str, Any]
) -> Callable[[int], Trackers]:
    """`start`, waiting for the steps taken before; without a folder for logs there are none."""

    def open_trackers(step: int) -> Trackers:
        return Trackers([]) if logs is None else start(options, logs, scratch, step, config)

    return open_trackers


def _import_wandb() -> Any:
    try:
        import wandb
    except ImportError:
        raise ParamsError(
            "tracking.wandb needs Weights & Biases, which is not installed: "
            "`pip install -e '.[wandb]'`, or set tracking.wandb to null"
        ) from None
    return wandb


def _run_id(scratch: Path) -> str:
    """Kept for as long as the run can be resumed; a new one once it is complete."""
    path = scratch / "wandb_id"
    if not path.is_file():
        scratch.mkdir(parents=True, exist_ok=True)
        path.write_text(secrets.token_hex(4))
    return path.read_text()


def _indented(config: Mapping[str, Any]) -> str:
    """As indented JSON, a code block in Markdown."""
    import json

    return "\n".join(f"    {line}" for line in json.dumps(config, indent=2).splitlines())
