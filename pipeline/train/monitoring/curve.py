"""The training curve: loss, learning rate, gradient norm and the loss's own logs of every step."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from torch import Tensor

from pipeline import stage
from pipeline.metrics.schema.train import CurveRow

SCALARS = ("loss", "learning_rate", "gradient_norm")
"""First columns of a curve [steps, 3 + K]; the K logs of the loss follow."""
POINTS = 100


def logs_of(curve: Tensor) -> Tensor:
    """The logs [steps, K] of a curve [steps, 3 + K]."""
    return curve[:, len(SCALARS) :]


def last_tenth(curve: Tensor) -> Tensor:
    """The last tenth of a curve, at least one step."""
    return curve[-max(1, len(curve) // 10) :]


def report(curve: Tensor) -> dict[str, float]:
    """Mean loss and gradient norm of consecutive steps [n, 3 + K], and their last learning rate."""
    scalars = curve[:, : len(SCALARS)].cpu()
    means = dict(zip(SCALARS, scalars.double().mean(0).tolist(), strict=True))
    means["learning_rate"] = float(scalars[-1, SCALARS.index("learning_rate")])
    return means


def write_csv(curve: Tensor, path: Path) -> None:
    """Write the means of about a hundred equal parts of a curve [steps, 3 + K]."""
    size = max(1, len(curve) // POINTS)
    starts = range(0, len(curve), size)
    parts = [curve[start : start + size, : len(SCALARS)] for start in starts]
    rows = [(s + len(part), *part.mean(0).tolist()) for s, part in zip(starts, parts, strict=True)]
    write_rows(path, CurveRow.columns(), rows)


def write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[float]]) -> None:
    """Write a CSV file of numbers."""
    with stage.output(path) as partial, partial.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(header)
        for row in rows:
            table.writerow([v if isinstance(v, int) else f"{v:.6g}" for v in row])


def final_loss(curve: Tensor) -> float:
    """Mean loss over the last tenth of a curve [steps, 3 + K]."""
    return float(last_tenth(curve)[:, 0].mean())
