"""metrics/evaluate.json, metrics/evaluate_mean.json and metrics/actions.json."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from pipeline.metrics.schema import Count, DecoderKind, Line, Metrics, Record
from pipeline.metrics.schema.distractor import DistractorMetrics
from pipeline.metrics.schema.motion import MotionMetrics
from pipeline.metrics.schema.state_model import StateModelMetrics

CONDITIONS = ("model", "repeat_last", "shuffled_actions", "zero_actions")
"""The model, and what it is compared with."""
ByFrame = Annotated[list[float], Field(min_length=1)]
"""One number for every generated frame."""


class Scores(Record):
    """Scores of one condition, each a list over generated frames, but for the FID of all frames.

    Attributes:
        latent_mse: mean squared error of whitened latents.
        psnr: in dB.
        ssim: at most 1.
        lpips: VGG16; set only if it was requested.
        validity: share 0..1 of frames that show exactly one clean distractor, anywhere; set only
            if the world has one.
        predictable_psnr: in dB, of the colour channels without the distractor; likewise.
        fid: Inception, over all generated frames; set only if it was requested.
    """

    latent_mse: ByFrame
    psnr: ByFrame
    ssim: ByFrame
    lpips: ByFrame | None = None
    validity: ByFrame | None = None
    predictable_psnr: ByFrame | None = None
    fid: float | None = None

    def by_frame(self) -> dict[str, list[float]]:
        """The scores that every generated frame has, by name."""
        scores = self.model_dump(exclude_unset=True, exclude={"fid"})
        return {name: values for name, values in scores.items() if values is not None}

    def mean(self) -> "MeanScores":
        """The mean of each score over generated frames."""
        means = {name: sum(values) / len(values) for name, values in self.by_frame().items()}
        if self.fid is not None:
            means["fid"] = self.fid
        return MeanScores.model_validate(means)


class MeanScores(Record):
    """`Scores`, averaged over generated frames."""

    latent_mse: float
    psnr: float
    ssim: float
    lpips: float | None = None
    validity: float | None = None
    predictable_psnr: float | None = None
    fid: float | None = None


class Measured(Record):
    """How a score was measured.

    Attributes:
        n: of what it is the mean, or the distribution.
        of: what was counted: clips that were averaged, or frames or stretches of video whose
            features were compared.
        backend: library and version that computed it.
        weights: SHA-256 of the file with the weights of its network; None without a network.
        origin: where that file is published.
    """

    n: Count
    of: Literal["clips", "frames", "stretches"]
    backend: Line
    weights: Line | None
    origin: Line | None


Interval = tuple[float, float]
"""Ends of a 95 % interval over clips, by the percentiles of 2,000 resamples of them."""


class ScoreInterval(Record):
    """Intervals of a score: of each generated frame, and of its mean over them, or of an FID."""

    by_frame: list[Interval] | None = None
    mean: Interval


class Intervals(Record):
    """The intervals of `Scores`."""

    latent_mse: ScoreInterval
    psnr: ScoreInterval
    ssim: ScoreInterval
    lpips: ScoreInterval | None = None
    validity: ScoreInterval | None = None
    predictable_psnr: ScoreInterval | None = None
    fid: ScoreInterval | None = None

    def of(self, score: str) -> ScoreInterval | None:
        """That of one score, by its name."""
        found: ScoreInterval | None = getattr(self, score)
        return found

    def means(self) -> "MeanIntervals":
        """Those of the means over generated frames."""
        found = {name: each.mean for name in self.model_fields_set if (each := self.of(name))}
        return MeanIntervals.model_validate(found)


class MeanIntervals(Record):
    """The intervals of `MeanScores`."""

    latent_mse: Interval
    psnr: Interval
    ssim: Interval
    lpips: Interval | None = None
    validity: Interval | None = None
    predictable_psnr: Interval | None = None
    fid: Interval | None = None


class EvaluateMetrics(Metrics):
    """Scores by generated frame.

    Attributes:
        clips: validation clips.
        frames: generated frames of each clip.
        decoder: what decoded the generated frames.
        model: of the world model under the recorded actions.
        repeat_last: of repeating the last context frame.
        shuffled_actions: of the world model under another clip's actions.
        zero_actions: of the world model under zero actions.
        measured: how each score was measured, by its name; runs before there was this have none.
        intervals: of the scores, by condition; likewise.
        distractor: what else is known of generated frames where the world has one.
        motion: how the camera moves in frames; only where it conditions the model.
        state_model: what else is known of a state model.
    """

    stage: ClassVar[str] = "evaluate"

    clips: Count
    frames: Count
    decoder: DecoderKind
    model: Scores
    repeat_last: Scores
    shuffled_actions: Scores
    zero_actions: Scores
    measured: dict[str, Measured] | None = None
    intervals: dict[str, Intervals] | None = None
    distractor: DistractorMetrics | None = None
    motion: MotionMetrics | None = None
    state_model: StateModelMetrics | None = None

    @model_validator(mode="after")
    def _of_every_frame(self) -> Self:
        measured = self.model.model_fields_set
        for name, scores in self.by_condition().items():
            if scores.model_fields_set != measured:
                raise ValueError(f"{name} and model have different scores")
            for score, values in scores.by_frame().items():
                if len(values) != self.frames:
                    found = f"{len(values)} values for {self.frames} frames"
                    raise ValueError(f"{name}.{score} has {found}")
        if self.intervals is not None:
            if set(self.intervals) != set(CONDITIONS):
                raise ValueError(f"intervals are those of {', '.join(self.intervals)}")
            if any(one.model_fields_set != measured for one in self.intervals.values()):
                raise ValueError("intervals and scores are not of the same")
        return self

    def interval(self, condition: str, score: str) -> ScoreInterval | None:
        """The intervals of a score; None where the run recorded none."""
        return None if self.intervals is None else self.intervals[condition].of(score)

    def by_condition(self) -> dict[str, Scores]:
        """The scores of each of CONDITIONS."""
        return {name: getattr(self, name) for name in CONDITIONS}

    def means(self) -> "EvaluateMeans":
        """Every score as one number: what `dvc metrics diff` can compare."""
        means = EvaluateMeans(
            decoder=self.decoder,
            model=self.model.mean(),
            repeat_last=self.repeat_last.mean(),
            shuffled_actions=self.shuffled_actions.mean(),
            zero_actions=self.zero_actions.mean(),
        )
        extra: dict[str, object] = {}
        if self.intervals is not None:
            extra["intervals"] = {name: each.means() for name, each in self.intervals.items()}
        if self.distractor is not None:
            extra["distractor"] = self.distractor
        if self.motion is not None:
            extra["motion"] = self.motion
        if self.state_model is not None:
            extra["state_model"] = self.state_model.means()
        return means.model_copy(update=extra)


class EvaluateMeans(Metrics):
    """`EvaluateMetrics`, averaged over generated frames."""

    stage: ClassVar[str] = "evaluate"

    decoder: DecoderKind
    model: MeanScores
    repeat_last: MeanScores
    shuffled_actions: MeanScores
    zero_actions: MeanScores
    intervals: dict[str, MeanIntervals] | None = None
    distractor: DistractorMetrics | None = None
    motion: MotionMetrics | None = None
    state_model: dict[str, float] | None = None


class ByActions(Record):
    """One error of the last latent, by the actions under which it was generated.

    Attributes:
        start: of the last context latent, which no action has changed.
        true: under the recorded actions.
        zero: under zero actions.
        random: under uniformly drawn actions.
    """

    start: float
    true: float
    zero: float
    random: float


class LatentErrors(Record):
    """Errors of the last generated latent, means over clips.

    Attributes:
        mse: mean squared error.
        cosine: 1 - cosine similarity of the flattened latents.
    """

    mse: ByActions
    cosine: ByActions


class Gap(Record):
    """By how much an error is larger, mean over clips."""

    mean: float
    interval: Interval


class CameraControl(Record):
    """Squared errors of all generated latents, as the cache whitens them, by the cameras given.

    Attributes:
        true: under the recorded poses.
        frozen: under the pose of the first frame throughout.
        other: under the poses of another clip.
        frozen_gap: of `frozen` over `true`; a model that looks at cameras has an interval above 0.
        other_gap: of `other` over `true`, likewise.
    """

    true: float
    frozen: float
    other: float
    frozen_gap: Gap
    other_gap: Gap


class ActionMetrics(Metrics):
    """Action sensitivity (Nano World Models, arXiv 2605.23993, tables 4-6).

    Attributes:
        clips: validation clips.
        mse: mean squared error of the last latent, as the cache whitens it.
        cosine: cosine distance of the last latent, as the cache whitens it.
        published: the same errors of latents as the encoder's authors scale them.
        embedding_rms: root mean square of the embedded actions; None if the model has no actions.
        latent: name of the encoder.
        whitening: how the model whitens latents.
        cameras: likewise by cameras; only of a model that is conditioned by them.
    """

    stage: ClassVar[str] = "evaluate"

    clips: Count
    mse: ByActions
    cosine: ByActions
    published: LatentErrors
    embedding_rms: float | None
    latent: Line
    whitening: Literal["channel", "none"]
    cameras: CameraControl | None = None
