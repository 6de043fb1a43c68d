"""metrics/encode.json."""

from typing import ClassVar

from pydantic import PositiveInt

from pipeline.metrics.schema import Count, Metrics


class EncodeMetrics(Metrics):
    """Size of a latent cache, and what storing its latents has lost.

    Attributes:
        frames: frames that have latents.
        bytes: of all arrays, uncompressed.
        latent_shape: channels, height, width.
        storage: dtype of the stored latents.
        rounding_error: root mean square of the error of the stored means, as a share of their
            channel's standard deviation, dead channels left out; None where all are dead.
        dead_channels: channels that never vary; set only where there are any.
    """

    stage: ClassVar[str] = "encode"

    frames: Count
    bytes: Count
    latent_shape: tuple[PositiveInt, PositiveInt, PositiveInt]
    storage: str
    rounding_error: float | None
    dead_channels: Count = 0
