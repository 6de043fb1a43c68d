"""metrics/fit.json."""

from typing import ClassVar

from pipeline.metrics.schema import Count, DecoderKind, Metrics


class FitMetrics(Metrics):
    """How well a fitted encoder represents validation frames.

    Attributes:
        val_psnr: mean PSNR of reconstructed frames, in dB.
        decoder: what reconstructed them.
        latent_rank: effective rank of their latents (Roy & Vetterli 2007).
        latent_spread: standard deviation of a latent value over frames.
        kept_variance: share 0..1 of the features' variance that a reduction keeps, None where the
            features never vary; set only where features are reduced.
        train_frames: frames that it was fitted to.
        val_frames: frames that it was scored on.
    """

    stage: ClassVar[str] = "fit"

    val_psnr: float
    decoder: DecoderKind
    latent_rank: float
    latent_spread: float
    kept_variance: float | None = None
    train_frames: Count
    val_frames: Count
