"""What state models are measured by: forecasts that are fed back, events, and calibration."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline import stage
from pipeline.dynamics.state_model import StateModel
from pipeline.errors import ParamsError
from pipeline.evaluate.detection import by_group, detection, rank_correlation, ratio
from pipeline.latents.cache import LatentCache
from pipeline.latents.state_labels import labels_of
from pipeline.latents.windows import Windows, fixed_subset
from pipeline.metrics.bootstrap import mean_intervals
from pipeline.metrics.schema.state_model import (
    Calibration,
    Estimate,
    ForecastErrors,
    StateModelMetrics,
)
from pipeline.state_models import Prediction

ROWS = (1, 8, 32, 64)
"""Lengths k of a forecast."""
NEXT_ROWS = 8192
"""Most rows that are predicted from recorded ones."""
CENTRAL = 1.6448536269514722
"""Stds on each side of a Gaussian's mean that hold its central 90 %."""


@dataclass(frozen=True, slots=True)
class Part:
    """B windows of the validation split.

    Attributes:
        states: whitened [B, T, S].
        actions: [B, T, interval, A] in the world's units.
        labels: contacts and termination, [B, T, C + 1] or [B, T, 0].
        episodes: int64 [B].
    """

    states: Tensor
    actions: Tensor
    labels: Tensor
    episodes: Tensor


def measure(
    model: StateModel, cache: LatentCache, clips: int, batch: int, seed: int
) -> StateModelMetrics:
    """Forecasts from fixed windows of the validation split, and its rows one by one.

    Args:
        model: the model.
        cache: with a validation split.
        clips: windows to forecast from, if there are as many.
        batch: windows at a time.
        seed: picks the windows.

    Raises:
        ParamsError: no episode is longer than the history by a row, or only one window of it is.
    """
    own = cache.whitened_by(model.spec)
    size = model.config.size
    windows = _longest(own, model)
    rows = fixed_subset(len(windows), clips, seed)
    part = _part(windows, model, rows)
    forecasts, contacts = _forecasts(model, part, batch)
    contact_labels = part.labels[:, model.context :, : size.contact_dim]
    following = Windows(own, "val", model.context + 1, model.config.interval, every=False)
    chosen = fixed_subset(len(following), NEXT_ROWS, seed)
    prediction, truth = _next_rows(model, following, chosen, batch)
    termination = truth.labels[:, -1, size.contact_dim :]
    return StateModelMetrics(
        history=model.context,
        clips=len(rows),
        forecasts=forecasts,
        next_rows=len(chosen),
        episodes=len(truth.episodes.unique()),
        contacts=detection(contacts, contact_labels, torch.arange(len(rows))),
        termination=detection(prediction.termination.mean(0), termination, truth.episodes),
        calibration=_calibration(prediction, truth),
    )


def _longest(cache: LatentCache, model: StateModel) -> Windows:
    """Windows of the history and as many of ROWS as validation episodes hold twice."""
    interval = model.config.interval
    for rows in reversed(ROWS):
        try:
            windows = Windows(cache, "val", model.context + rows, interval, every=False)
        except ParamsError:
            if rows == ROWS[0]:
                raise
            continue
        if len(windows) > 1:
            return windows
    raise ParamsError(
        f"{cache.path}: one window of {model.context + 1} rows for validation, but actions are "
        "exchanged between two; lower ingest.train_share"
    )


def _part(windows: Windows, model: StateModel, rows: NDArray[np.int64]) -> Part:
    return Part(
        windows.latents(rows, None).flatten(2),
        windows.actions(rows),
        labels_of(windows, rows, model.config.size.labels),
        torch.from_numpy(windows.rows[rows, 0]),
    )


def _forecasts(model: StateModel, part: Part, batch: int) -> tuple[list[ForecastErrors], Tensor]:
    """Errors of the forecasts, and their logits of contacts [B, F, C]."""
    start = model.context
    truth = part.states[:, start:]
    exchanged = part.actions.clone()
    exchanged[:, start - 1 :] = part.actions.roll(1, 0)[:, start - 1 :]
    own, contacts = _fed_back(model, part.states, part.actions, batch)
    other, _ = _fed_back(model, part.states, exchanged, batch)
    still = part.states[:, start - 1 : start].expand_as(truth)
    errors = {name: _error(rows, truth) for name, rows in (
        ("model", own), ("shuffled", other), ("persistence", still))}  # fmt: skip
    found = []
    for rows in [rows for rows in ROWS if rows <= truth.shape[1]]:
        means = {name: each[:, :rows].mean(1) for name, each in errors.items()}
        gain = ratio(means["shuffled"], means["model"])
        estimates = {name: _estimate(values) for name, values in means.items()}
        found.append(ForecastErrors(rows=rows, gain=gain, **estimates))
    return found, contacts


def _fed_back(
    model: StateModel, states: Tensor, actions: Tensor, batch: int
) -> tuple[Tensor, Tensor]:
    """Predicted states [B, F, S] and logits of contacts [B, F, C] after the history."""
    predicted, contacts = [], []
    for begin in stage.track(range(0, len(states), batch), "evaluate: forecasts"):
        rows = slice(begin, begin + batch)
        history = states[rows, : model.context, :, None, None]
        steps = [one.averaged() for one in model.predictions(history, actions[rows, :-1])]
        predicted.append(torch.stack([step.state for step in steps], 1).cpu())
        contacts.append(torch.stack([step.contacts for step in steps], 1).cpu())
    return torch.cat(predicted), torch.cat(contacts)


def _error(predicted: Tensor, truth: Tensor) -> Tensor:
    """Relative error [B, F] of whitened states [B, F, S]."""
    return ((predicted - truth).abs().sum(-1) / truth.abs().sum(-1)).double()


def _next_rows(
    model: StateModel, windows: Windows, rows: NDArray[np.int64], batch: int
) -> tuple[Prediction, Part]:
    """What is predicted of the last row of each window, from the rows before it."""
    parts, predictions = [], []
    for begin in range(0, len(rows), batch):
        part = _part(windows, model, rows[begin : begin + batch])
        history = part.states[:, :-1, :, None, None]
        (prediction,) = model.predictions(history, part.actions[:, :-1])
        parts.append(part)
        predictions.append(prediction)
    fields = ("mean", "log_std", "contacts", "termination")
    joined = (torch.cat([getattr(p, name).cpu() for p in predictions], 1) for name in fields)
    pieces = ("states", "actions", "labels", "episodes")
    return Prediction(*joined), Part(*(torch.cat([getattr(p, n) for p in parts]) for n in pieces))


def _calibration(prediction: Prediction, part: Part) -> Calibration:
    truth = part.states[:, -1].double()
    mean, variance = prediction.mean.double(), (2 * prediction.log_std.double()).exp()
    middle = mean.mean(0)
    spread = (variance.mean(0) + mean.var(0, correction=0)).sqrt()  # of the mixture of all heads
    distance = (truth - middle) / spread
    nll = (distance.square() / 2 + spread.log() + math.log(2 * math.pi) / 2).mean(1)
    rank = None
    if len(mean) > 1:
        error = (truth - middle).square().sum(1)
        rank = rank_correlation(prediction.epistemic.double(), error, part.episodes)
    return Calibration(
        rank=rank,
        nll=_by_episode(nll, part.episodes),
        coverage=float((distance.abs() < CENTRAL).double().mean()),
    )


def _by_episode(values: Tensor, episodes: Tensor) -> Estimate:
    """Mean of values [N], by resampling episodes."""
    sums = by_group(torch.stack([values, torch.ones_like(values)], 1), episodes)
    return ratio(sums[:, 0], sums[:, 1])


def _estimate(values: Tensor) -> Estimate:
    """Mean of values [B], by resampling clips."""
    low, high = mean_intervals(values).tolist()
    return Estimate(value=float(values.mean()), interval=(low, high))
