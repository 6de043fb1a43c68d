"""metrics/evaluate.json, metrics/evaluate_mean.json and metrics/actions.json."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from pipeline.metrics.schema import Count, DecoderKind, Line, Metrics, Record

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
        fid: Inception, over all generated frames; set only if it was requested.
    """

    latent_mse: ByFrame
    psnr: ByFrame
    ssim: ByFrame
    lpips: ByFrame | None = None
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
    fid: float | None = None


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
    """

    stage: ClassVar[str] = "evaluate"

    clips: Count
    frames: Count
    decoder: DecoderKind
    model: Scores
    repeat_last: Scores
    shuffled_actions: Scores
    zero_actions: Scores

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
        return self

    def by_condition(self) -> dict[str, Scores]:
        """The scores of each of CONDITIONS."""
        return {name: getattr(self, name) for name in CONDITIONS}

    def means(self) -> "EvaluateMeans":
        """Every score as one number: what `dvc metrics diff` can compare."""
        return EvaluateMeans(
            decoder=self.decoder,
            model=self.model.mean(),
            repeat_last=self.repeat_last.mean(),
            shuffled_actions=self.shuffled_actions.mean(),
            zero_actions=self.zero_actions.mean(),
        )


class EvaluateMeans(Metrics):
    """`EvaluateMetrics`, averaged over generated frames."""

    stage: ClassVar[str] = "evaluate"

    decoder: DecoderKind
    model: MeanScores
    repeat_last: MeanScores
    shuffled_actions: MeanScores
    zero_actions: MeanScores


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
    """

    stage: ClassVar[str] = "evaluate"

    clips: Count
    mse: ByActions
    cosine: ByActions
    published: LatentErrors
    embedding_rms: float | None
    latent: Line
    whitening: Literal["channel", "none"]
