"""How the camera of generated frames moves, on the page, against how it was told to move."""

from dataclasses import dataclass

from pipeline.metrics.schema.motion import MotionMetrics
from pipeline.report.scores import Cell, estimate

CONDITIONS = {
    "recorded": "recorded: the floor of the estimate",
    "codec": "recorded, through the codec",
    "true": "generated under the recorded cameras",
    "frozen": "under the first frame's throughout",
    "other": "under another clip's",
}
COLUMNS = {
    "rotation_error": "rotation error, degrees",
    "rotation_share": "as a share of the motion",
    "rotation_slope": "slope",
    "translation_error": "translation error, metres",
    "translation_share": "as a share of the motion",
    "translation_slope": "slope",
}


@dataclass(frozen=True, slots=True)
class Section:
    """Numbers as the page shows them: a column each, one row for the frames of a condition."""

    clips: int
    frames: int
    columns: list[str]
    rows: dict[str, list[Cell]]


def section(metrics: MotionMetrics) -> Section:
    """The section of a model that is conditioned by cameras."""
    rows = {
        CONDITIONS[name]: [estimate(getattr(found, column)) for column in COLUMNS]
        for name, found in metrics.by_condition().items()
    }
    return Section(metrics.clips, metrics.frames, list(COLUMNS.values()), rows)
