"""metrics/train.json, plots/train.csv and plots/levels.csv."""

from typing import ClassVar

from pydantic import Field

from pipeline.metrics.schema import Count, Metrics, Row


class TrainMetrics(Metrics):
    """Where a training run ended.

    Attributes:
        loss: mean training loss over the last tenth of the steps.
        validation_loss: unweighted loss on fixed validation clips after the last step.
        steps: optimiser steps.
        parameters: of the world model.
    """

    stage: ClassVar[str] = "train"

    loss: float
    validation_loss: float
    steps: Count
    parameters: Count


class CurveRow(Row):
    """One point of the training curve: means over consecutive steps, up to `step`."""

    stage: ClassVar[str] = "train"

    step: Count
    loss: float
    learning_rate: float
    gradient_norm: float


class LevelRow(Row):
    """Mean unweighted training error of one bin of noise levels.

    Of a state model: the last validation error of a row of the forecast, a bin for each.

    Attributes:
        low: lower edge of the bin, as a share 0..1 of the way from clean to noise.
        high: upper edge.
        error: mean squared error over the last tenth of the steps.
    """

    stage: ClassVar[str] = "train"

    low: float = Field(alias="from")
    high: float = Field(alias="to")
    error: float
