"""The part of metrics/evaluate.json about the motion of the camera that generated frames show."""

from pipeline.metrics.schema import Count, Record
from pipeline.metrics.schema.state_model import Estimate


class Agreement(Record):
    """Estimated motions from frame to frame against commanded ones; intervals over clips.

    Attributes:
        rotation_error: angle of what is left of the estimated rotation, in degrees; mean.
        rotation_share: the same as a share of the rotation that was recorded or commanded.
        rotation_slope: of estimated on commanded rotations, through the origin: 1 follows them, 0
            does not look at them.
        translation_error: length of what is left of the estimated move, in metres; mean.
        translation_share: likewise.
        translation_slope: likewise, of moves.
    """

    rotation_error: Estimate
    rotation_share: Estimate
    rotation_slope: Estimate
    translation_error: Estimate
    translation_share: Estimate
    translation_slope: Estimate


class MotionMetrics(Record):
    """How the camera of frames moves, as the world finds it in them, against its command.

    Attributes:
        clips: validation clips.
        frames: frames of each that were located.
        recorded: of recorded frames: the floor of the estimate.
        codec: of recorded frames that went through the codec.
        true: of frames generated under the recorded poses.
        frozen: under the first frame's throughout; errors are what moves all the same, shares and
            slopes are relative to the recorded motion: 0 is best.
        other: under those of another clip, which are the command.
    """

    clips: Count
    frames: Count
    recorded: Agreement
    codec: Agreement
    true: Agreement
    frozen: Agreement
    other: Agreement

    def by_condition(self) -> dict[str, Agreement]:
        """Each agreement by its name."""
        return {name: getattr(self, name) for name in CONDITIONS}


CONDITIONS = ("recorded", "codec", "true", "frozen", "other")
