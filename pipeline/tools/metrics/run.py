"""Score the videos of a folder, and write what was found."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from pipeline.compute import device
from pipeline.errors import ParamsError, did_you_mean
from pipeline.metrics import moments
from pipeline.metrics.bootstrap import mean_intervals
from pipeline.metrics.i3d import LEAST_FRAMES
from pipeline.metrics.moments import Kind
from pipeline.metrics.schema.evaluate import Measured
from pipeline.rollout.card import CARD, FORMAT, RolloutCard
from pipeline.tools import tables
from pipeline.tools.metrics import pairs as videos
from pipeline.tools.metrics import results
from pipeline.tools.metrics.distances import Distance
from pipeline.tools.metrics.pairs import Pair
from pipeline.tools.metrics.results import BY_FRAME, Score, Summary
from pipeline.tools.metrics.score import Scored, score
from pipeline.tools.metrics.scorers import NAMES, Scorers, available

STRETCH = 16
"""Frames of the stretches of an FVD, where clips have as many."""


@dataclass(frozen=True, slots=True)
class Request:
    """The options of `wm metrics`, as its --help explains them."""

    folder: Path
    truth: Path | None
    history: int | None
    only: str
    fvd_frames: int | None
    statistics: Path | None
    save_statistics: Path | None
    out: Path


def run(request: Request) -> Summary:
    """Score every pair, and write the tables and the summary.

    Raises:
        UserError: there are no pairs, a video is damaged, or the options do not fit; nothing is
            written then.
    """
    names = _names(request.only)
    pairs = videos.find(request.folder, request.truth)
    history = _history(request)
    scorers = available(names, device.pick())
    scored = Scored(
        _distance("fid", scorers.inception, scorers, 1, request),
        _distance("fvd", scorers.i3d, scorers, _stretch(pairs, history, scorers, request), request),
    )
    score(pairs, scorers, history, scored)
    clip_means = {name: scored.by_clip(name) for name in scorers.by_frame}
    found = {
        name: _mean(clip_means[name], scorers, name) for name in BY_FRAME if name in clip_means
    }
    for name, distance in (("fid", scored.fid), ("fvd", scored.fvd)):
        if distance is not None:
            _add(found, scorers, name, distance)
    clips = [pair.name for pair in pairs]
    summary = Summary(
        folder=str(request.folder),
        clips=clips,
        history=history,
        scores=found,
        not_computed=scorers.absent,
    )
    results.write(scored.rows, summary, request.out, clip_means)
    if request.save_statistics is not None:
        _save(scored, request.save_statistics)
    return summary


def _names(only: str) -> list[str]:
    names = [name.strip() for name in only.split(",")]
    for name in names:
        if name not in NAMES:
            raise ParamsError(f"--only {only}: {name!r} is no score; {did_you_mean(name, NAMES)}")
    return names


def _history(request: Request) -> int:
    card = request.folder / CARD
    if request.history is not None or not card.is_file():
        return request.history or 0
    return FORMAT.read(card, RolloutCard, "roll out again, or give --history").history


def _stretch(pairs: Sequence[Pair], history: int, scorers: Scorers, request: Request) -> int:
    """Frames of the stretches of an FVD: as many as asked for, else as the first clip has."""
    if scorers.i3d is None or request.fvd_frames is not None:
        return request.fvd_frames or STRETCH
    return min(STRETCH, sum(1 for _ in videos.frames_of(pairs[0])) - history)


def _distance(
    name: str,
    extract: Callable[[Tensor], Tensor] | None,
    scorers: Scorers,
    frames: int,
    request: Request,
) -> Distance | None:
    if extract is None:
        return None
    if name == "fvd" and frames < LEAST_FRAMES:
        scorers.absent[name] = (
            f"clips have {frames} frames after their history, but it takes stretches of "
            f"{LEAST_FRAMES} or more: roll out longer"
        )
        return None
    kind = Kind(metric=name, weights=scorers.backends[name].weights or "", frames=frames)
    return Distance(kind, extract, request.statistics)


def _mean(values: Sequence[float], scorers: Scorers, name: str) -> Score:
    every = torch.tensor(values, dtype=torch.float64)
    low, high = mean_intervals(every).tolist()
    measured = _measured(scorers, name, len(values))
    return Score(value=float(every.mean()), interval=(low, high), measured=measured)


def _add(found: dict[str, Score], scorers: Scorers, name: str, distance: Distance) -> None:
    value, count = distance.value(), distance.generated.count
    if value is None:
        scorers.absent[name] = f"{count} stretches of {distance.kind.frames} frames are too few"
        return
    measured = _measured(scorers, name, count)
    found[name] = Score(value=value, interval=distance.interval(), measured=measured)


def _measured(scorers: Scorers, name: str, n: int) -> Measured:
    backend = scorers.backends[name]
    of = {"fid": "frames", "fvd": "stretches"}.get(name, "clips")
    return Measured.model_validate(
        {"n": n, "of": of, "backend": backend.name}
        | {"weights": backend.weights, "origin": backend.origin}
    )


def _save(scored: Scored, path: Path) -> None:
    kept = [
        each.truth for each in (scored.fid, scored.fvd) if each is not None and each.truth.count
    ]
    if not kept:
        raise ParamsError(f"--save-statistics {path}: neither FID nor FVD was computed")
    moments.save(kept, path)


def show(summary: Summary) -> None:
    """Print what was found, and what was not computed, in a line each."""
    from rich.table import Table

    table = Table("score", "value", "95 % interval", "n", "by")
    for name, one in summary.scores.items():
        ends = "" if one.interval is None else "{:.4g} to {:.4g}".format(*one.interval)
        weights = f", weights {one.measured.weights[:12]}" if one.measured.weights else ""
        n = f"{one.measured.n} {one.measured.of}"
        table.add_row(name, f"{one.value:.4g}", ends, n, one.measured.backend + weights)
    tables.show(table)
    for name, reason in summary.not_computed.items():
        print(f"{name}: not computed: {reason}")
