"""The part of metrics/evaluate.json that worlds with a distractor have."""

from pydantic import Field

from pipeline.metrics.schema import Count, Record, Share


class DistractorMetrics(Record):
    """What is known of generated frames of a world with a distractor, beside their scores.

    Attributes:
        places: where it may stand.
        codec_validity: share of recorded frames that show exactly one clean distractor after the
            codec: the most that a model can reach.
        codec_interval: its 95 % interval, by resampling clips.
        entropy: of its place over samples of equal conditions, divided by that of the uniform
            distribution; mean over conditions and generated frames. None where too few samples
            show it.
        entropy_interval: its 95 % interval, by resampling samples.
        conditions: clips that were continued.
        samples: of each of them.
    """

    places: Count
    codec_validity: Share
    codec_interval: tuple[Share, Share]
    entropy: float | None = Field(ge=0, le=1)
    entropy_interval: tuple[Share, Share] | None
    conditions: Count
    samples: Count
