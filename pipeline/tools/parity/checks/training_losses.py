"""Training losses, gradient norms, and five steps of AdamW."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.denoisers import Denoiser
from pipeline.diffusion import Weighting
from pipeline.diffusion.loss import frame_losses
from pipeline.tools.parity.golden import Arrays, Check, Folder, compare
from pipeline.tools.parity.models import objective as build_objective
from pipeline.tools.parity.models import tiny

TOLERANCE = 2e-5
LOSS = re.compile(r"(v|x|epsilon|flow)_gamma([\d.]+)_(t1|t2)/(mse|loss|grad_l2)")
ADAMW = "adamw5_film/"
STEPS = 5


@dataclass(frozen=True, slots=True)
class Batch:
    """Inputs of a training step; `level` is per frame [B, T] or per clip [B]."""

    clean: Tensor
    noise: Tensor
    actions: Tensor
    level: Tensor

    def losses(self, model: Denoiser, prediction: str, gamma: float) -> Tensor:
        """Loss of each clip [B], with the reference's loss weighting."""
        objective, level = build_objective(prediction), self.level
        frames = level if level.ndim == 2 else level[:, None].expand(self.clean.shape[:2])
        output = model(objective.noised(self.clean, self.noise, frames), level, self.actions)
        target = objective.target(self.clean, self.noise, frames)
        weighting = Weighting(gamma=gamma, form="reference")
        return frame_losses(objective, output, target, frames, weighting).mean(1)


def check(arrays: Arrays, folder: Folder) -> Iterator[Check]:
    """`PREDICTION_gammaGAMMA_{t1,t2}/{mse,loss,grad_l2}`, `PREDICTION/x_t_t2`, `adamw5_film/*`."""
    arrays.inputs("x_start", "noise", "action", "t1", "t2")
    for name in arrays:
        if match := LOSS.fullmatch(name):
            prediction, gamma, level, what = match.groups()
            weight = 0.0 if what == "mse" else float(gamma)
            model = tiny(folder, "additive")
            losses = _batch(arrays, level).losses(model, prediction, weight)
            ours = _norms(arrays, model, losses) if what == "grad_l2" else losses
            yield compare(name, ours, arrays(name), TOLERANCE)
        elif match := re.fullmatch(r"(v|x|epsilon|flow)/x_t_t2", name):
            noisy = build_objective(match[1]).noised(
                arrays("x_start"), arrays("noise"), arrays("t2")
            )
            yield compare(name, noisy, arrays(name), TOLERANCE)
    if any(name.startswith(ADAMW) for name in arrays):
        yield from _optimised(arrays, folder)


def _batch(arrays: Arrays, level: str) -> Batch:
    return Batch(arrays("x_start"), arrays("noise"), arrays("action"), arrays(level))


def _norms(arrays: Arrays, model: Denoiser, losses: Tensor) -> Tensor:
    """Gradient norm of each parameter, -1 without a gradient."""
    losses.mean().backward()
    gradients = {name: weight.grad for name, weight in model.named_parameters()}
    norms = [
        -1.0 if gradient is None else float(gradient.double().norm())
        for gradient in (gradients[name] for name in arrays.texts("grad_param_names"))
    ]
    return torch.tensor(norms, dtype=torch.float64)


def _optimised(arrays: Arrays, folder: Folder) -> Iterator[Check]:
    """Losses of five steps of AdamW, and two parameters after them."""
    theirs = arrays(f"{ADAMW}losses") if f"{ADAMW}losses" in arrays else None
    # The file does not record its gamma: the first loss determines it.
    results = [_adamw(arrays, tiny(folder, "film"), gamma) for gamma in (5.0, 0.0)]
    if theirs is not None:
        results.sort(key=lambda result: float((result["losses"][0] - theirs[0]).abs()))
    for name in arrays:
        if name.startswith(ADAMW) and name.removeprefix(ADAMW) in results[0]:
            ours = results[0][name.removeprefix(ADAMW)]
            yield compare(name, ours, arrays(name), TOLERANCE)


def _adamw(arrays: Arrays, model: Denoiser, gamma: float) -> dict[str, Tensor]:
    optimiser = torch.optim.AdamW(model.parameters(), 1e-3, weight_decay=0.01)
    losses = []
    for step in range(STEPS):
        sign = 1 if step % 2 else -1
        level = (arrays("t2") + 37 * step) % 1000
        batch = Batch(arrays("x_start"), sign * arrays("noise"), arrays("action"), level)
        loss = batch.losses(model, "v", gamma).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        losses.append(loss.detach())
    return {"losses": torch.stack(losses), **dict(model.named_parameters())}
