"""What `wm metrics` writes: a table by frame, one by clip, and a summary."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from pipeline import stage
from pipeline.files.json_model import FileModel
from pipeline.metrics.schema import Line, Row
from pipeline.metrics.schema.evaluate import Interval, Measured

BY_FRAME = ("psnr", "ssim", "lpips")
"""Scores that every frame has."""


class FrameRow(Row):
    """Scores of one frame, those that were computed; frame 0 is the first of the video."""

    stage: ClassVar[str] = "metrics"

    clip: Line
    frame: int = Field(ge=0)
    psnr: float | None = None
    ssim: float | None = None
    lpips: float | None = None


class Score(FileModel):
    """A score of all clips.

    Attributes:
        value: mean over clips of the mean over their frames, or the distance of all of them.
        interval: 95 % over clips, by bootstrap; None where features were not kept for it.
        measured: n, backend and weights.
    """

    value: float
    interval: Interval | None
    measured: Measured


class Summary(FileModel):
    """metrics.json, beside the table.

    Attributes:
        folder: as the user named it.
        clips: their names.
        history: frames at the beginning of each video that were not scored.
        scores: by name.
        not_computed: why a score is not there, and the way out.
    """

    folder: str
    clips: list[str]
    history: int = Field(ge=0)
    scores: dict[str, Score]
    not_computed: dict[str, str]


def write(
    rows: Sequence[FrameRow], summary: Summary, out: Path, clip_means: Mapping[str, Sequence[float]]
) -> None:
    """OUT has a row for every frame; OUT's name with .clips.csv and .json, clips and summary."""
    names = [name for name in BY_FRAME if name in summary.scores]
    with stage.output(out) as partial, partial.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["clip", "frame", *names])
        for row in rows:
            table.writerow([row.clip, row.frame, *(f"{getattr(row, n):.8g}" for n in names)])
    clips = out.with_suffix(".clips.csv")
    with stage.output(clips) as partial, partial.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["clip", *names])
        for number, name in enumerate(summary.clips):
            table.writerow([name, *(f"{clip_means[n][number]:.8g}" for n in names)])
    stage.write_json(out.with_suffix(".json"), summary.model_dump())
