"""Scores of all clips as metrics: means, their intervals, and what computed them."""

import torch
from torch import Tensor

from pipeline.evaluate.evaluate import Evaluation
from pipeline.metrics.bootstrap import frechet_interval, mean_intervals
from pipeline.metrics.frames import fids
from pipeline.metrics.schema import DecoderKind
from pipeline.metrics.schema.evaluate import (
    CONDITIONS,
    EvaluateMetrics,
    Intervals,
    Measured,
    ScoreInterval,
    Scores,
)


def to_metrics(evaluation: Evaluation, decoder: DecoderKind) -> EvaluateMetrics:
    """The mean over clips of every score, by generated frame; an FID is of all frames together."""
    count, num_frames = evaluation.scores["model"].by_frame["psnr"].shape
    features = {name: scores.features for name, scores in evaluation.scores.items()}
    fid = fids(features, evaluation.true_features)
    by_condition: dict[str, Scores] = {}
    for name in CONDITIONS:
        by_frame = evaluation.scores[name].by_frame
        means = {metric: values.double().mean(0).tolist() for metric, values in by_frame.items()}
        overall = {"fid": fid[name]} if fid else {}
        by_condition[name] = Scores.model_validate(means | overall)
    measured = {
        name: Measured(
            n=count * num_frames if name == "fid" else count,
            of="frames" if name == "fid" else "clips",
            backend=backend.name,
            weights=backend.weights,
            origin=backend.origin,
        )
        for name, backend in evaluation.backends.items()
    }
    intervals = {name: _intervals(evaluation, name, num_frames) for name in CONDITIONS}
    return EvaluateMetrics.model_validate(
        {"clips": count, "frames": num_frames, "decoder": decoder, **by_condition}
        | {"measured": measured, "intervals": intervals}
    )


def _intervals(evaluation: Evaluation, condition: str, num_frames: int) -> Intervals:
    scores = evaluation.scores[condition]
    found = {name: _of_means(values) for name, values in scores.by_frame.items()}
    if scores.features.numel():
        clip = torch.arange(len(scores.features)) // num_frames
        interval = frechet_interval(scores.features, evaluation.true_features, clip)
        found["fid"] = ScoreInterval(mean=interval)
    return Intervals.model_validate(found)


def _of_means(values: Tensor) -> ScoreInterval:
    """Intervals of a score [B, F], by frame and of the mean over frames."""
    every = mean_intervals(torch.cat([values.double(), values.double().mean(1, True)], 1))
    *by_frame, mean = every.T.tolist()
    return ScoreInterval(by_frame=by_frame, mean=mean)
