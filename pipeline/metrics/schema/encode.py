"""metrics/encode.json."""

from typing import ClassVar

from pipeline.metrics.schema import Metrics


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

    frames: int
    bytes: int
    latent_shape: tuple[int, int, int]
    storage: str
    rounding_error: float | None
    dead_channels: int = 0
