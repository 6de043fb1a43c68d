"""What is looked at while a run trains; none of it changes the run."""

from dataclasses import dataclass

from torch import Tensor

from pipeline.train.loop import Trainer
from pipeline.train.monitoring.curve import report
from pipeline.train.monitoring.throughput import Meter
from pipeline.train.monitoring.trackers import Trackers
from pipeline.train.monitoring.validation import Look, Validation


@dataclass(slots=True)
class Watch:
    """Everything that is told, counted or drawn after a step.

    Attributes:
        trackers: who is told.
        every: steps between two reports.
        meter: counts clips.
        validation: looks at the model.
        last: the newest look.
    """

    trackers: Trackers
    every: int
    meter: Meter
    validation: Validation
    last: Look | None = None

    def after(self, done: int, trainer: Trainer) -> Tensor:
        """To be called after each step, and before the state after it is saved.

        Returns:
            What validation saw so far, `Validation.rows`.
        """
        options, curve = trainer.options, trainer.curve
        self.meter.count(options.batch)
        if self.trackers.told and done % self.every == 0:
            rows = curve[max(0, done - self.every) : done]
            self.trackers.add(done, report(rows) | self.meter.read())
        if self.validation.due(done, options.steps):
            seen = self.look(done, trainer)
            self.trackers.add(done, seen.report())
            self.trackers.images(done, {"validation/strips": seen.strips})
        return self.validation.rows

    def look(self, done: int, trainer: Trainer) -> Look:
        """Look at what a run keeps after so many steps, and tell nobody."""
        with self.meter.paused():
            self.last = self.validation.look(trainer.kept, done)
        return self.last
