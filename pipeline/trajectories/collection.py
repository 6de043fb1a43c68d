"""What trajectories are computed of, and how; before any is."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.checksum import sha256
from pipeline.compute import device
from pipeline.compute.precision import Choice
from pipeline.diffusion.make import load
from pipeline.diffusion.model_folder import WEIGHTS
from pipeline.diffusion.sample import ddim_timesteps
from pipeline.diffusion.world_model import WorldModel
from pipeline.errors import ParamsError
from pipeline.latents.cache import LatentCache
from pipeline.latents.windows import Windows
from pipeline.params import Settings
from pipeline.train.losses import run
from pipeline.train.losses.teacher_forcing import require_causal
from pipeline.trajectories import Options
from pipeline.trajectories.clips import chosen_windows, draw
from pipeline.trajectories.guided_steps import (
    Predict,
    require_dropped,
    teacher_step,
    told,
    trajectory,
)
from pipeline.trajectories.store import Origin

Solve = Callable[[Predict, Tensor, Tensor], Tensor]
"""Makes something of the network, noise [P, T, C, h, w] and scaled actions [P, T, A]."""


@dataclass(frozen=True, slots=True)
class Collection:
    """Clips and their teacher.

    Attributes:
        teacher: frozen, on its device.
        windows: of the clips, in their order.
        origin: all that decides the states.
        batch: clips that pass through the network at once.
    """

    teacher: WorldModel
    windows: Windows
    origin: Origin
    batch: int

    def states(self, clips: NDArray[np.int64]) -> NDArray[np.float16]:
        """Rows of the store, [P, S, T - 1, C, h, w]: the first frame is given."""
        origin, batches = (
            self.origin,
            np.array_split(clips, range(self.batch, len(clips), self.batch)),
        )

        def solve(predict: Predict, noise: Tensor, actions: Tensor) -> Tensor:
            kept, grid = len(origin.levels), self._grid()
            objective, guidance = self.teacher.objective, origin.guidance
            return trajectory(
                objective, predict, noise, grid, actions, kept=kept, guidance=guidance
            )

        found = (self._run(batch, solve)[:, :, 1:].half().cpu().numpy() for batch in batches)
        return np.concatenate(list(found))

    def seconds(self) -> float:
        """That a clip takes: by a step of the teacher, after one that warms up."""
        clips = np.arange(min(self.batch, self.origin.clips))

        def one_step(predict: Predict, noise: Tensor, actions: Tensor) -> Tensor:
            level, after = (at.expand(noise.shape[:2]) for at in self._grid()[:2])
            objective, guidance = self.teacher.objective, self.origin.guidance
            return teacher_step(
                objective, predict, noise, level, after, actions, guidance=guidance
            ).cpu()

        self._run(clips, one_step)
        begun = time.perf_counter()
        self._run(clips, one_step)
        return (time.perf_counter() - begun) * self.origin.grid / len(clips)

    def _run(self, clips: NDArray[np.int64], solve: Solve) -> Tensor:
        where = self.teacher.device
        clean, noise = (each.to(where) for each in draw(self.windows, clips, self.origin.seed))
        actions = self.teacher.model_actions(self.windows.actions(clips))

        def predict(noisy: Tensor, level: Tensor, given: Tensor | None) -> Tensor:
            known, dropped = told(given, actions)
            return run(self.teacher.denoiser, noisy, level, known, dropped, clean).float()

        with torch.no_grad(), device.autocast(where.type, self.origin.precision):
            return solve(predict, noise, actions)

    def _grid(self) -> Tensor:
        """Levels int64 [grid + 1] that the teacher passes through."""
        timesteps = ddim_timesteps(self.origin.grid, self.teacher.objective.levels)
        return timesteps.to(self.teacher.device)


def collection(
    settings: Settings, options: Options, cache: LatentCache, folder: Path
) -> Collection:
    """The clips that params.yaml describes, of the teacher in a folder.

    Raises:
        DataError: the teacher cannot be loaded, or knows other latents than the cache's.
        ParamsError: its frames see later ones, or it is a student.
    """
    teacher = load(folder, device.pick(), cache)
    require_causal(teacher, "distill.method = 'causal_ode'")
    if teacher.config.student is not None:
        raise ParamsError(f"{folder}: a student already; take the model that taught it")
    require_dropped(teacher, settings.value("distill", "guidance"), str(folder))
    windows = chosen_windows(cache, teacher, options.clips, options.seed)
    grid, steps = (settings.value("distill", key) for key in ("grid", "student_steps"))
    levels = ddim_timesteps(grid, teacher.objective.levels)[: -1 : grid // steps]
    requested: Choice = settings.value("train", "precision")
    precision = device.training_precision(requested, teacher.device)
    device.report_emulation("trajectories", requested, precision, teacher.device)
    origin = Origin(
        teacher=sha256(folder / WEIGHTS),
        latents=cache.seal.digest(),
        levels=tuple(levels.tolist()),
        grid=grid,
        guidance=settings.value("distill", "guidance"),
        clips=len(windows),
        seed=options.seed,
        shape=(windows.frames - 1, *teacher.spec.latent_shape),
        precision=precision,
    )
    return Collection(teacher, windows, origin, options.batch)
