"""The loss curve, as a CSV for DVC plots and as TensorBoard scalars."""

import csv
from pathlib import Path

from torch import Tensor

from pipeline import stage
from pipeline.train.fit import CURVE

POINTS = 100


def write_csv(curve: Tensor, path: Path) -> None:
    """Write the means of about a hundred equal parts of a curve [steps, 3]."""
    size = max(1, len(curve) // POINTS)
    with stage.output(path) as partial, partial.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("step", *CURVE))
        for start in range(0, len(curve), size):
            part = curve[start : start + size]
            rows.writerow((start + len(part), *(f"{value:.6g}" for value in part.mean(0).tolist())))


def final_loss(curve: Tensor) -> float:
    """Mean loss over the last tenth of a curve [steps, 3]."""
    return float(curve[-max(1, len(curve) // 10) :, 0].mean())


class TensorBoard:
    """Scalars of every tenth step in a folder of event files."""

    def __init__(self, folder: Path, done: int) -> None:
        """Open the folder of a run that has `done` steps behind it; later ones are shown anew."""
        from torch.utils.tensorboard import SummaryWriter

        self.writer = SummaryWriter(str(folder), purge_step=done + 1)

    def add(self, step: int, curve: Tensor) -> None:
        """Log one row [3] of the curve."""
        if step % 10 == 0:
            for name, value in zip(CURVE, curve.tolist(), strict=True):
                self.writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Write what is left."""
        self.writer.close()
