"""Outputs of evaluate besides its metrics: scores by generated frame as CSV, and dreams."""

import csv
from pathlib import Path

import numpy as np
import torch

from pipeline import stage
from pipeline.evaluate.clips import Clips
from pipeline.evaluate.generate import Evaluator
from pipeline.metrics.schema.evaluate import EvaluateMetrics


def headline(metrics: EvaluateMetrics) -> str:
    """PSNR of the last generated frame beside that of repeating the last context frame."""
    model, repeat = metrics.model.psnr[-1], metrics.repeat_last.psnr[-1]
    through = " through the fitted decoder" if metrics.decoder == "fitted" else ""
    return f"PSNR {model:.1f} dB{through} at the last frame ({repeat:.1f} by repeating the context)"


def write_horizon(metrics: EvaluateMetrics, path: Path) -> None:
    """CSV with one row per generated frame and one column per score that every frame has.

    The last column is the decoder, the same in every row.
    """
    columns = {
        f"{condition}_{metric}": values
        for condition, scores in metrics.by_condition().items()
        for metric, values in scores.by_frame().items()
    }
    with stage.output(path) as partial, partial.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["frame", *columns, "decoder"])
        for number, frame in enumerate(zip(*columns.values(), strict=True), 1):
            rows.writerow([number, *(f"{value:.6g}" for value in frame), metrics.decoder])


def write_dreams(
    evaluator: Evaluator, clips: Clips, generator: torch.Generator, path: Path
) -> None:
    """NPZ of truth and prediction uint8 [N, T, 3, H, W]: rollouts far longer than the window."""
    noise = evaluator.noise(clips, generator)
    generated = evaluator.decode(evaluator.generate(clips, clips.actions, noise))
    truth = clips.seen()
    prediction = torch.cat([truth[:, : evaluator.context], generated], 1)
    with stage.output(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, truth=truth.numpy(), prediction=prediction.numpy())
