"""The callback of a training run: experiment trackers, throughput and validation."""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pipeline.compute.progress import Progress, progress
from pipeline.train.checkpoint import State
from pipeline.train.monitoring.curve import logs_of, report
from pipeline.train.monitoring.throughput import ThroughputMeter
from pipeline.train.monitoring.trackers import Trackers
from pipeline.train.trainer import Callback, Trainer

ROWS = "validation"
ModelT = TypeVar("ModelT")
ModelT_contra = TypeVar("ModelT_contra", contravariant=True)


class Result(Protocol):
    """What a model did on fixed clips."""

    @property
    def loss(self) -> float:
        """One number."""

    @property
    def strips(self) -> NDArray[np.uint8]:
        """Recorded and generated frames, [H, W, 3]."""

    def report(self) -> dict[str, float]:
        """Numbers with the names that experiment trackers show."""


class Validator(Protocol[ModelT_contra]):
    """Validates a kind of model; `rows` holds the results so far, and belongs into a checkpoint."""

    rows: Tensor

    def due(self, step: int, steps: int) -> bool:
        """Whether to validate after `step` of `steps`."""

    def run(self, model: ModelT_contra, step: int) -> Result:
        """Validate a model after `step` steps."""


class MonitoringCallback(Callback, Generic[ModelT]):
    """Shows progress, logs to trackers, counts clips and validates the result's weights."""

    def __init__(
        self,
        model: ModelT,
        validation: Validator[ModelT],
        meter: ThroughputMeter,
        open_trackers: Callable[[int], Trackers],
        every: int,
    ) -> None:
        """Watch a run.

        Args:
            model: that is validated.
            validation: on fixed clips.
            meter: of clips.
            open_trackers: called with the steps taken before.
            every: steps between two reports to trackers, and at least between two lines.
        """
        self.model, self.validation, self.meter, self.every = model, validation, meter, every
        self._open_trackers, self._trackers = open_trackers, Trackers([])
        self._last: Result | None = None
        self._open = ExitStack()
        self._progress: Progress | None = None

    @property
    def last(self) -> Result:
        """The newest validation; there is one once a run is complete."""
        assert self._last is not None
        return self._last

    def on_fit_start(self, trainer: Trainer) -> None:
        """Open the trackers; validate a model that has no step left to take."""
        self._trackers = self._open_trackers(trainer.step)
        self.meter.reset()
        if trainer.group.first:
            shown = progress("train: step", trainer.options.steps, trainer.step)
            self._progress = self._open.enter_context(shown)
        if trainer.step == trainer.options.steps:
            self._validate(trainer.step)

    def on_step_end(self, trainer: Trainer) -> None:
        """Count the step's clips; log and validate where it is due."""
        step = trainer.step
        self.meter.count(trainer.batches.options.batch)
        if self._trackers.active and step % self.every == 0:
            rows = trainer.curve[max(0, step - self.every) : step]
            values = report(rows) | trainer.loss.report(logs_of(rows))
            named = {f"train/{name}": value for name, value in values.items()}
            self._trackers.log(step, named | self.meter.read())
        if self.validation.due(step, trainer.options.steps):
            result = self._validate(step)
            self._trackers.log(step, result.report())
            self._trackers.log_images(step, {"validation/strips": result.strips})
        if self._progress is not None:
            self._show(self._progress, trainer)

    def data_wait(self) -> AbstractContextManager[None]:
        """Time the wait."""
        return self.meter.waiting()

    def state_dict(self) -> State:
        """The validations so far."""
        return {ROWS: self.validation.rows}

    def load_state_dict(self, state: State) -> None:
        """Restore the validations; only the first process has them."""
        self.validation.rows = state.get(ROWS, self.validation.rows)

    def close(self) -> None:
        """Close the trackers, and end the bar."""
        self._open.close()
        self._trackers.close()

    def _show(self, shown: Progress, trainer: Trainer) -> None:
        shown.advance()
        if trainer.step % self.every or not shown.due():
            return
        recent = report(trainer.curve[trainer.step - self.every : trainer.step])
        validated = [] if self._last is None else [f"validation loss {self._last.loss:.4f}"]
        shown.note(
            f"loss {recent['loss']:.4f}",
            *validated,
            f"learning rate {recent['learning_rate']:.2e}",
            f"{self.meter.clips_per_second():,.1f} clips/s",
        )

    def _validate(self, step: int) -> Result:
        with self.meter.paused():
            self._last = self.validation.run(self.model, step)
        return self._last
