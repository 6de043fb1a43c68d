"""Steps of a teacher along its ODE, guided by actions."""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

from pipeline.diffusion.world_model import WorldModel
from pipeline.errors import ParamsError
from pipeline.objectives import Objective

Predict = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""A network's output for noisy frames [P, T, C, h, w] at timesteps [P, T], under actions."""


def told(given: Tensor | None, actions: Tensor) -> tuple[Tensor, Tensor | None]:
    """What a network takes as actions and as `dropped`: all clips if no actions are `given`."""
    if given is not None:
        return given, None
    return actions, torch.ones(len(actions), dtype=torch.bool, device=actions.device)


def require_dropped(model: WorldModel, guidance: float, place: str) -> None:
    """Refuse guidance by a model that was never trained without actions.

    Raises:
        ParamsError: it was not.
    """
    if guidance != 1 and not model.config.drop_actions:
        raise ParamsError(
            f"distill.guidance = {guidance}, but {place} was trained with all of its actions; set "
            "it to 1, or train with train.drop_actions, such as 0.1"
        )


def guided(run: Callable[[Tensor | None], Tensor], actions: Tensor, guidance: float) -> Tensor:
    """Output by guidance g: u + g (c - u), of outputs c under the actions and u without."""
    under = run(actions)
    if guidance == 1:
        return under
    free = run(None)
    return free + guidance * (under - free)


def teacher_step(
    objective: Objective,
    predict: Predict,
    noisy: Tensor,
    level: Tensor,
    after: Tensor,
    actions: Tensor,
    *,
    guidance: float,
) -> Tensor:
    """One step of DDIM or Euler by a guided teacher, from `level` to the lower `after`, [P, T]."""
    output = guided(lambda given: predict(noisy, level, given), actions, guidance)
    return objective.step(noisy, objective.to_clean(output, noisy, level), level, after)


@torch.no_grad()
def trajectory(
    objective: Objective,
    predict: Predict,
    noise: Tensor,
    timesteps: Tensor,
    actions: Tensor,
    *,
    kept: int,
    guidance: float,
) -> Tensor:
    """States on the way from noise to the end of the teacher's ODE (Causal Forcing, stage 2a).

    Args:
        objective: what `predict` predicts.
        predict: runs the teacher, each frame after clean ones.
        noise: standard normal [P, T, C, h, w], where the way begins.
        timesteps: levels int64 [grid + 1], descending to clean.
        actions: scaled, [P, T, A].
        kept: how many states are, evenly spaced; divides the grid.
        guidance: of the teacher by actions; 1 for none.

    Returns:
        [P, kept, T, C, h, w], the last one at the end.
    """
    every, states, noisy = (len(timesteps) - 1) // kept, [], noise
    for number, (level, after) in enumerate(pairwise(timesteps), 1):
        here, there = (at.expand(noise.shape[:2]) for at in (level, after))
        noisy = teacher_step(objective, predict, noisy, here, there, actions, guidance=guidance)
        if number % every == 0:
            states.append(noisy)
    return torch.stack(states, 1)
