"""metrics/probe.json."""

from pathlib import Path
from typing import ClassVar

from pipeline.metrics.schema import Count, Line, Metrics, read_either


class ProbeMetrics(Metrics):
    """How well coordinates are read from the latents of validation frames, and actions proposed.

    Coordinates are those of the world, in its units; errors are absolute.

    Attributes:
        median_error: of each coordinate.
        high_error: of each coordinate, the 90 % quantile.
        mean_median_error: median error of each coordinate if the mean of the training frames is
            taken for every frame.
        distance: median Euclidean distance of all coordinates to the true ones.
        high_distance: its 90 % quantile.
        action_error: mean squared error of the inverse model's actions up to the next frame,
            standardised, from coordinates that were read.
        mean_action_error: that of the training actions' mean.
        train_frames: frames that the readout was fitted to.
        val_frames: frames that it was scored on.
    """

    stage: ClassVar[str] = "probe"

    median_error: list[float]
    high_error: list[float]
    mean_median_error: list[float]
    distance: float
    high_distance: float
    action_error: float
    mean_action_error: float
    train_frames: Count
    val_frames: Count


class ProbeSkipped(Metrics):
    """Nothing was fitted.

    Attributes:
        skipped: the reason.
    """

    stage: ClassVar[str] = "probe"

    skipped: Line


def read(path: Path) -> ProbeMetrics | ProbeSkipped:
    """Read metrics/probe.json.

    Raises:
        DataError: it is missing or damaged.
    """
    return read_either(path, ProbeMetrics, ProbeSkipped)
