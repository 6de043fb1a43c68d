"""Validation of a state model during training: forecasts of fixed windows, and drawn clips."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.dynamics.state_model import StateModel
from pipeline.encoders import Encoder
from pipeline.latents.validation_clips import fixed_rows
from pipeline.latents.windows import Windows
from pipeline.metrics.schema.train import LevelRow
from pipeline.train import Validation as Options
from pipeline.train.monitoring.curve import write_rows
from pipeline.train.monitoring.validation import CPU, SEED, inference, is_due, tile


@dataclass(frozen=True, slots=True)
class StateValidationResult:
    """Forecasts of a model after some step.

    Attributes:
        step: steps taken.
        loss: mean of `errors`.
        errors: mean squared error [F] of whitened states by row of the forecast.
        strips: uint8 [H, W, 3], of each clip the drawn recorded states above the predicted ones.
    """

    step: int
    loss: float
    errors: list[float]
    strips: NDArray[np.uint8]

    def report(self) -> dict[str, float]:
        """The errors with the names that experiment trackers show."""
        rows = {f"validation/error_{row}": error for row, error in enumerate(self.errors, 1)}
        return {"validation/loss": self.loss, **rows}


class StateValidation:
    """Fixed windows of the val split; draws nothing from the run's generators.

    Attributes:
        rows: results so far, float64 [validations, 2 + F]: step, loss, error of each row of the
            forecast; they belong into a checkpoint.
    """

    def __init__(
        self, windows: Windows, model: StateModel, options: Options, encoder: Encoder
    ) -> None:
        """Pick the windows.

        Raises:
            ParamsError: the val split has fewer.
        """
        self.options, self.encoder, self.context = options, encoder, model.context
        rows = fixed_rows(windows, options.clips, SEED, "train.validation.clips")
        self.states, self.actions = windows.latents(rows, None), windows.actions(rows)
        forecast = windows.frames - model.context
        self.rows = torch.zeros(0, 2 + forecast, dtype=torch.float64)

    def due(self, step: int, steps: int) -> bool:
        """Whether to validate after `step` of `steps`: periodically, and always at the end."""
        return is_due(self.options, step, steps)

    def run(self, model: StateModel, step: int) -> StateValidationResult:
        """Validate a model after `step` steps; replaces rows of this step and of later ones."""
        with inference(model.network):
            history, actions = self.states[:, : self.context], self.actions[:, :-1]
            steps = [one.averaged().state.cpu() for one in model.predictions(history, actions)]
        predicted = torch.stack(steps, 1)[..., None, None].float()  # [B, F, S, 1, 1]
        errors = (predicted - self.states[:, self.context :]).square().mean((0, 2, 3, 4))
        strips = self._strips(model, predicted)
        result = StateValidationResult(step, float(errors.mean()), errors.tolist(), strips)
        row = torch.tensor([[step, result.loss, *result.errors]], dtype=torch.float64)
        self.rows = torch.cat([self.rows[self.rows[:, 0] < step], row])
        return result

    def write_csv(self, path: Path) -> None:
        """Write `rows`, one line a validation."""
        names = [f"error_{row}" for row in range(1, self.rows.shape[1] - 1)]
        table = [(int(step), *values) for step, *values in self.rows.tolist()]
        write_rows(path, ("step", "loss", *names), table)

    def write_levels(self, path: Path) -> None:
        """Write the last errors, by the place of their row in the forecast, as shares 0..1."""
        errors = self.rows[-1, 2:].tolist()
        count = len(errors)
        table = [(row / count, (row + 1) / count, error) for row, error in enumerate(errors)]
        write_rows(path, LevelRow.columns(), table)

    def _strips(self, model: StateModel, predicted: Tensor) -> NDArray[np.uint8]:
        """The first windows, drawn: recorded rows above the history and the predicted ones."""
        strips, frames = self.options.strips, []
        self.encoder.to(model.device)
        for truth, forecast in zip(self.states[:strips], predicted[:strips], strict=True):
            for states in (truth, torch.cat([truth[: self.context], forecast])):
                drawn = self.encoder.decode(model.spec.unwhiten(states)).cpu()
                frames.append(drawn.permute(0, 2, 3, 1).numpy())
        self.encoder.to(CPU)
        return tile(frames)
