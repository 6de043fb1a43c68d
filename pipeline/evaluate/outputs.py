"""What evaluate leaves behind besides its metrics: a table by horizon, and dreams to look at."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipeline import stage
from pipeline.evaluate.clips import Clips
from pipeline.evaluate.generate import Evaluator


def headline(scores: dict[str, Any]) -> str:
    """Last generated frame: the model's PSNR beside that of repeating the last one given."""
    model, repeat = (scores[name]["psnr"][-1] for name in ("model", "repeat_last"))
    through = " through the fitted decoder" if scores["decoder"] == "fitted" else ""
    return f"PSNR {model:.1f} dB{through} at the last frame ({repeat:.1f} by repeating the first)"


def means(scores: dict[str, Any]) -> dict[str, Any]:
    """Every score as one number, the mean over generated frames: what `dvc metrics diff` reads."""
    named = {
        name: {
            metric: sum(value) / len(value) if isinstance(value, list) else value
            for metric, value in by_metric.items()
        }
        for name, by_metric in _named(scores).items()
    }
    return {"decoder": scores["decoder"], **named}


def write_horizon(scores: dict[str, Any], path: Path) -> None:
    """CSV with a row a generated frame and a column a score that every frame has.

    The last column says in every row which decoder drew the pixels, as evaluate.json does.
    """
    columns = {
        f"{name}_{metric}": values
        for name, by_metric in _named(scores).items()
        for metric, values in by_metric.items()
        if isinstance(values, list)
    }
    with stage.output(path) as partial, partial.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["frame", *columns, "decoder"])
        for number, frame in enumerate(zip(*columns.values(), strict=True), 1):
            rows.writerow([number, *(f"{value:.6g}" for value in frame), scores["decoder"]])


def _named(scores: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Those of the model and of each baseline."""
    return {name: value for name, value in scores.items() if isinstance(value, dict)}


def write_dreams(judge: Evaluator, clips: Clips, generator: torch.Generator, path: Path) -> None:
    """Truth and prediction uint8 [N, T, 3, H, W], from the given frames far past the window."""
    noise = judge.noise(clips, generator)
    generated = judge.decode(judge.generate(clips, clips.actions, noise))
    prediction = torch.cat([clips.frames[:, : judge.context], generated], 1)
    with stage.output(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, truth=clips.frames.numpy(), prediction=prediction.numpy())
