"""Who is told how a run goes: TensorBoard, Weights & Biases, or nobody."""

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.errors import ParamsError
from pipeline.tracking import Options

Image = NDArray[np.uint8]
"""RGB [H, W, 3]."""
STEP = "step"
"""What Weights & Biases draws everything over: its own count must grow, and a run may go back."""


class Tracker(Protocol):
    """One that is told."""

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Show numbers after so many steps."""

    def images(self, step: int, images: Mapping[str, Image]) -> None:
        """Show images."""

    def close(self) -> None:
        """Write what is left."""


class Trackers:
    """All that were asked for; `Trackers([])` tells nobody."""

    def __init__(self, told: list[Tracker]) -> None:
        """Tell these."""
        self.told = told

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """See `Tracker.add`."""
        for tracker in self.told:
            tracker.add(step, values)

    def images(self, step: int, images: Mapping[str, Image]) -> None:
        """See `Tracker.images`."""
        for tracker in self.told:
            tracker.images(step, images)

    def close(self) -> None:
        """See `Tracker.close`."""
        for tracker in self.told:
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
    """
    folder, told = logs / scratch.name, list[Tracker]()
    if options.wandb is not None:
        told.append(WeightsAndBiases(options.wandb, folder, _run_id(scratch), config))
    if options.tensorboard:
        told.append(TensorBoard(folder, done, config))
    return Trackers(told)


class TensorBoard:
    """Event files in a folder."""

    def __init__(self, folder: Path, done: int, config: Mapping[str, Any]) -> None:
        """Go on after `done` steps."""
        from torch.utils.tensorboard import SummaryWriter

        self.writer = SummaryWriter(str(folder), purge_step=done + 1)
        if not done:
            self.writer.add_text("config", _indented(config), 0)

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """See `Tracker.add`."""
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)
        self.writer.flush()  # a killed run goes on after a saved step, which must be in the file

    def images(self, step: int, images: Mapping[str, Image]) -> None:
        """See `Tracker.images`."""
        for name, image in images.items():
            self.writer.add_image(name, torch.from_numpy(image), step, dataformats="HWC")

    def close(self) -> None:
        """See `Tracker.close`."""
        self.writer.close()


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
