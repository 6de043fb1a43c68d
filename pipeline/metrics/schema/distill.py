"""metrics/distill.json."""

from pathlib import Path
from typing import ClassVar

from pipeline.metrics.schema import Count, Line, Metrics, read_either


class DistillMetrics(Metrics):
    """How a few-step student was made.

    Attributes:
        method: of distillation.
        student_steps: denoising steps that it knows.
        parents: SHA-256 of the weights of each model that it learned from, by its role.
        loss: mean training loss over the last tenth of the steps.
        steps: optimiser steps.
    """

    stage: ClassVar[str] = "distill"

    method: Line
    student_steps: Count
    parents: dict[Line, Line]
    loss: float
    steps: Count


class DistillSkipped(Metrics):
    """Nothing was distilled.

    Attributes:
        skipped: the reason.
    """

    stage: ClassVar[str] = "distill"

    skipped: Line


def read(path: Path) -> DistillMetrics | DistillSkipped:
    """Read metrics/distill.json.

    Raises:
        DataError: it is missing or damaged.
    """
    return read_either(path, DistillMetrics, DistillSkipped)
