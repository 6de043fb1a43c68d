"""Validation during training: errors on fixed clips by noise level, and generated clips."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pipeline import stage
from pipeline.diffusion.config import Config
from pipeline.diffusion.loss import frame_errors
from pipeline.diffusion.sequential_sampling import sequential_sampling
from pipeline.diffusion.world_model import WorldModel
from pipeline.encoders import Encoder
from pipeline.latents.cache import LatentCache
from pipeline.latents.validation_clips import fixed_rows
from pipeline.latents.windows import Windows
from pipeline.train import Validation as Options
from pipeline.train.monitoring.curve import write_rows
from pipeline.train.monitoring.levels import BINS, edges, label

SEED = 42
"""For clips and noise, the same for every run whatever `train.seed`; the reference's."""
BATCH = 16
CPU = torch.device("cpu")
GAP = 2
"""Pixels between frames."""


@dataclass(frozen=True, slots=True)
class ValidationResult:
    """Errors and generated clips of a model after some step.

    Attributes:
        step: steps taken.
        loss: mean of `errors`.
        errors: mean unweighted error [BINS] with all frames at the middle level of each bin.
        strips: uint8 [H, W, 3], of each clip the decoded ground truth above the generated frames.
    """

    step: int
    loss: float
    errors: list[float]
    strips: NDArray[np.uint8]

    def report(self) -> dict[str, float]:
        """The errors with the names that experiment trackers show."""
        bins = {edges(number): error for number, error in enumerate(self.errors)}
        return {"validation/loss": self.loss, **label("validation/loss_by_level", bins)}


class Validation:
    """Fixed clips of the val split, with fixed noise; draws nothing from the run's generators.

    All processes of a run must validate at the same steps; their results are the same.

    Attributes:
        rows: results so far, float64 [validations, 2 + BINS]: step, loss, error of each bin; they
            belong into a checkpoint.
    """

    def __init__(
        self, cache: LatentCache, config: Config, options: Options, encoder: Encoder
    ) -> None:
        """Pick the clips.

        Args:
            cache: latents with a val split.
            config: of the model that will be validated.
            options: number of clips, and how they are sampled.
            encoder: decodes them; it is on the model's device only while decoding.

        Raises:
            ParamsError: the val split has fewer windows.
        """
        self.options, self.encoder, self.spec = options, encoder, config.spec
        cache = cache.whitened_by(config.spec)
        windows = Windows(cache, "val", config.frames, config.interval, every=False)
        rows = fixed_rows(windows, options.clips, SEED, "train.validation.clips")
        self.clean, self.actions = windows.latents(rows, None), windows.actions(rows)
        generator = torch.Generator().manual_seed(SEED)
        self.noise = torch.randn(self.clean.shape, generator=generator)
        self.sampling = sequential_sampling(options.sampling_steps)
        self.rows = torch.zeros(0, 2 + BINS, dtype=torch.float64)

    def due(self, step: int, steps: int) -> bool:
        """Whether to validate after `step` of `steps`: periodically, and always at the end."""
        return is_due(self.options, step, steps)

    def run(self, model: WorldModel, step: int) -> ValidationResult:
        """Validate a model after `step` steps; replaces rows of this step and of later ones."""
        with inference(model.denoiser):
            errors = [self._error(model, number) for number in range(BINS)]
            strips = self._strips(model)
        result = ValidationResult(step, float(np.mean(errors)), errors, strips)
        row = torch.tensor([[step, result.loss, *errors]], dtype=torch.float64)
        self.rows = torch.cat([self.rows[self.rows[:, 0] < step], row])
        return result

    def _error(self, model: WorldModel, number: int) -> float:
        """Mean error of all clips with every frame at the middle level of a bin."""
        middle = (2 * number + 1) * model.objective.levels // (2 * BINS)
        errors = []
        for start in range(0, len(self.clean), BATCH):
            rows = slice(start, start + BATCH)
            clean, noise = (t[rows].to(model.device) for t in (self.clean, self.noise))
            level = torch.full(clean.shape[:2], middle, device=model.device)
            actions = model.model_actions(self.actions[rows])
            output = model.denoiser(model.objective.noised(clean, noise, level), level, actions)
            target = model.objective.target(clean, noise, level)
            errors.append(frame_errors(output.float(), target))
        return float(torch.cat(errors).mean())

    def _strips(self, model: WorldModel) -> NDArray[np.uint8]:
        """The first clips: ground truth above frames generated from one frame of context."""
        truth, actions = (t[: self.options.strips] for t in (self.clean, self.actions))
        generator = torch.Generator().manual_seed(SEED)
        shape = self.spec.latent_shape
        noise = self.sampling.noise(len(truth), 1, truth.shape[1] - 1, shape, generator)
        rollout = model.rollout(truth[:, :1], actions[:, :-1], noise, self.sampling)
        generated = torch.cat([truth[:, :1], rollout.cpu().float()], 1)
        clips = torch.stack([truth, generated], 1).flatten(0, 1)
        self.encoder.to(model.device)
        frames = [self._decode(clip) for clip in clips]
        self.encoder.to(CPU)  # training may need all the memory of a GPU
        return tile(frames)

    def _decode(self, clip: Tensor) -> NDArray[np.uint8]:
        """Whitened latents [T, C, h, w] to frames uint8 [T, H, W, 3]."""
        frames = self.encoder.decode(self.spec.unwhiten(clip)).cpu()
        return frames.permute(0, 2, 3, 1).numpy()


def is_due(options: Options, step: int, steps: int) -> bool:
    """Whether to validate after `step` of `steps`."""
    return step == steps or (options.every is not None and step % options.every == 0)


def tile(rows: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Rows of frames uint8 [T, H, W, 3] as one image; white gaps, wider between pairs of rows."""
    height, width = rows[0].shape[1:3]
    lines: list[NDArray[np.uint8]] = []
    full = len(rows[0]) * (width + GAP) - GAP
    for number, row in enumerate(rows):
        gap = 0 if number == 0 else GAP if number % 2 else 3 * GAP
        lines.append(np.full((gap, full, 3), 255, np.uint8))
        line = np.full((height, full, 3), 255, np.uint8)
        for place, frame in enumerate(row):
            line[:, place * (width + GAP) :][:, :width] = frame
        lines.append(line)
    return np.concatenate(lines)


def write_csv(rows: Tensor, path: Path) -> None:
    """Write `Validation.rows`, one line a validation."""
    names = [f"error_{low:.1f}_{high:.1f}" for low, high in map(edges, range(BINS))]
    table = [(int(step), *values) for step, *values in rows.tolist()]
    write_rows(path, ("step", "loss", *names), table)


def write_png(image: NDArray[np.uint8], path: Path) -> None:
    """Write an image uint8 [H, W, 3]."""
    from PIL import Image

    with stage.output(path) as partial:
        Image.fromarray(image).save(partial, "PNG")


@contextmanager
def inference(network: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; restores the mode afterwards."""
    training = network.training
    network.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        network.train(training)
