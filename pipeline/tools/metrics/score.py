"""Score pairs of videos, frame by frame, without holding more than a few of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
import torch
from torch import Tensor

from pipeline import stage
from pipeline.errors import DataError
from pipeline.metrics.i3d import LEAST_FRAMES
from pipeline.metrics.ssim_window import WINDOW
from pipeline.tools.metrics.distances import Distance
from pipeline.tools.metrics.pairs import Pair, frames_of
from pipeline.tools.metrics.results import FrameRow
from pipeline.tools.metrics.scorers import Scorers

BATCH = 16
"""Frames that are scored together."""


@dataclass(slots=True)
class Scored:
    """What was scored.

    Attributes:
        rows: of every frame, in the order of clips.
        fid: None where it is not computed.
        fvd: None where it is not computed.
    """

    fid: Distance | None
    fvd: Distance | None
    rows: list[FrameRow] = field(default_factory=list)

    def by_clip(self, name: str) -> list[float]:
        """The mean over frames of a score, for every clip."""
        grouped = groupby(self.rows, key=lambda row: row.clip)
        return [float(np.mean([getattr(row, name) for row in rows])) for _, rows in grouped]


def score(pairs: Sequence[Pair], scorers: Scorers, history: int, scored: Scored) -> None:
    """Score every frame of all pairs after their first `history` ones.

    Raises:
        DataError: a video is damaged, two of a pair differ in length or size, or one is too short.
    """
    for number, pair in enumerate(stage.track(pairs, "metrics")):
        clip = _Clip(pair, number, scorers, scored)
        count = 0
        for count, (generated, truth) in enumerate(frames_of(pair), 1):
            if count > history:
                clip.add(count - 1, generated, truth)
        if count <= history:
            raise DataError(
                f"{pair.generated}: {count} frames, of which --history {history} leaves none to "
                "score; take less"
            )
        clip.close()


class _Clip:
    """The frames of one clip that wait for their batch, and for their stretch of an FVD."""

    def __init__(self, pair: Pair, number: int, scorers: Scorers, scored: Scored) -> None:
        self.pair, self.number, self.scorers, self.scored = pair, number, scorers, scored
        self.first = 0
        self.batch: list[tuple[Tensor, Tensor]] = []
        self.stretch: list[tuple[Tensor, Tensor]] = []

    def add(self, place: int, *frames: "np.typing.NDArray[np.uint8]") -> None:
        if min(frames[0].shape[:2]) < WINDOW:
            height, width = frames[0].shape[:2]
            raise DataError(
                f"{self.pair.generated}: frames of {height} x {width} pixels, but SSIM compares "
                f"windows of {WINDOW} x {WINDOW}; score larger ones"
            )
        if not self.batch:
            self.first = place
        generated, truth = (torch.from_numpy(frame.copy()).permute(2, 0, 1) for frame in frames)
        self.batch.append((generated, truth))
        if len(self.batch) == BATCH:
            self._score()
        if self.scored.fvd is not None:
            self.stretch.append((generated, truth))
            if len(self.stretch) == self.scored.fvd.kind.frames:
                self._end_stretch()

    def close(self) -> None:
        if self.batch:
            self._score()

    def _score(self) -> None:
        generated, truth = (
            torch.stack(each).float() / 255 for each in zip(*self.batch, strict=True)
        )
        values = {
            name: metric(generated, truth).tolist()
            for name, metric in self.scorers.by_frame.items()
        }
        for place in range(len(self.batch)):
            scores = {name: each[place] for name, each in values.items()}
            row = {"clip": self.pair.name, "frame": self.first + place, **scores}
            self.scored.rows.append(FrameRow.model_validate(row))
        if self.scored.fid is not None:
            self.scored.fid.add(generated, truth, self.number)
        self.batch = []

    def _end_stretch(self) -> None:
        assert self.scored.fvd is not None
        assert len(self.stretch) >= LEAST_FRAMES
        generated, truth = (torch.stack(each)[None] for each in zip(*self.stretch, strict=True))
        self.scored.fvd.add(generated, truth, self.number)
        self.stretch = []
