"""metrics/rollout.json."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from pipeline.metrics.schema import Count, DecoderKind, Line, Metrics, Record, read_either

ByFrame = Annotated[list[float], Field(min_length=1)]
"""One number for every generated frame."""


class Curve(Record):
    """A score by generated frame.

    Attributes:
        mean: over clips.
        interval: ends of its 95 % interval, by resampling clips.
    """

    mean: ByFrame
    interval: list[tuple[float, float]]

    @model_validator(mode="after")
    def _of_every_frame(self) -> Self:
        if len(self.interval) != len(self.mean):
            raise ValueError(f"{len(self.interval)} intervals for {len(self.mean)} frames")
        return self


class RolloutScores(Record):
    """Scores of one condition by generated frame.

    Attributes:
        latent_mse: mean squared error of whitened latents.
        psnr: in dB.
        ssim: at most 1.
        lpips: VGG16; set only if evaluate.perceptual names it.
    """

    latent_mse: Curve
    psnr: Curve
    ssim: Curve
    lpips: Curve | None = None

    def curves(self) -> dict[str, Curve]:
        """The scores that were computed, by name."""
        return {
            name: getattr(self, name)
            for name in RolloutScores.model_fields
            if name in self.model_fields_set
        }


class StudyRow(Record):
    """One way to sample.

    Attributes:
        sampler: order of denoising.
        spacing: of the steps.
        steps: denoising steps.
        latent_mse: mean over clips and generated frames.
        latent_interval: its 95 % interval, by resampling clips.
        psnr: likewise, in dB.
        psnr_interval: its 95 % interval.
        evaluations: forward passes of the network for a generated frame, each of one frame of a
            window: those at rest are computed once.
        cpu_seconds: CPU time of a generated frame of one clip, decoding left out.
    """

    sampler: Line
    spacing: Line
    steps: Count
    latent_mse: float
    latent_interval: tuple[float, float]
    psnr: float
    psnr_interval: tuple[float, float]
    evaluations: float
    cpu_seconds: float


class RolloutMetrics(Metrics):
    """How far rollouts stay true.

    Attributes:
        clips: rollouts.
        source: where their actions and truth come from.
        history: frames that were given.
        frames: frames that were generated of each.
        window: of the model, in frames.
        decoder: what decoded the generated frames.
        model: the world model.
        repeat_last: repeating the last frame that was given.
        study: ways to sample, compared on the same clips.
    """

    stage: ClassVar[str] = "rollout"

    clips: Count
    source: Literal["recorded", "simulated"]
    history: Count
    frames: Count
    window: Count
    decoder: DecoderKind
    model: RolloutScores
    repeat_last: RolloutScores
    study: list[StudyRow]

    @model_validator(mode="after")
    def _of_the_same(self) -> Self:
        ours, theirs = self.model.curves(), self.repeat_last.curves()
        if ours.keys() != theirs.keys():
            raise ValueError("model and repeat_last have different scores")
        for name, curve in (ours | theirs).items():
            if len(curve.mean) != self.frames:
                raise ValueError(f"{name} has {len(curve.mean)} values for {self.frames} frames")
        return self


class RolloutSkipped(Metrics):
    """Nothing was rolled out.

    Attributes:
        skipped: the reason.
    """

    stage: ClassVar[str] = "rollout"

    skipped: Line


def read(path: Path) -> RolloutMetrics | RolloutSkipped:
    """Read metrics/rollout.json.

    Raises:
        DataError: it is missing or damaged.
    """
    return read_either(path, RolloutMetrics, RolloutSkipped)
