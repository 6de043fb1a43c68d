"""metrics/seconds/STAGE.json, as `pipeline.stage.timed` writes it."""

from typing import ClassVar

from pydantic import NonNegativeFloat

from pipeline.metrics.schema import Metrics


class StageSeconds(Metrics):
    """How long a stage took.

    Attributes:
        seconds: wall-clock time.
        clips_per_second: of training, as all fields below.
        tokens_per_second: of all clips, a token being one patch of a latent.
        data_wait: share 0..1 of the time in which the device waits for data.
        share_of_peak: achieved share 0..1 of the device's measured peak FLOP/s; on a GPU only.
        peak_memory_gb: most memory in use, in 10^9 bytes.
    """

    stage: ClassVar[str] = "a stage"

    seconds: NonNegativeFloat
    clips_per_second: float | None = None
    tokens_per_second: float | None = None
    data_wait: float | None = None
    share_of_peak: float | None = None
    peak_memory_gb: float | None = None
