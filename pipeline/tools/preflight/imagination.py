"""Imagination on and off: a small run's state model as a simulator of legged robots."""

from pathlib import Path

import numpy as np
import torch

from pipeline.compute import device
from pipeline.dynamics.state_model import StateModel
from pipeline.episodes.groups import hold_groups
from pipeline.errors import RunError
from pipeline.imagination import rewards
from pipeline.imagination.environments import Environments
from pipeline.imagination.histories import Histories
from pipeline.imagination.options import Options, Weights
from pipeline.latents.cache import LatentCache
from pipeline.tools.preflight.findings import Findings
from pipeline.train.state.setup import windows_of

COUNT, STEPS, PERIOD = 64, 4, 0.02
"""Environments, actions until time is out, and an action's length in s."""


def imagine(cache: LatentCache, folder: Path, findings: Findings) -> None:
    """Step imagined environments past a reset, and check that none can be made when it is off.

    Raises:
        RunError: a reward or an observation is not finite, or off is not off.
    """
    findings.passed("imagination off: the model was rolled out from recorded rows alone")
    if not hold_groups(np.array(cache.states)):
        findings.open("imagination: the data set has no observation groups of a legged robot")
        return
    model = StateModel.from_pretrained(folder, device=device.pick())
    environments = _environments(model, _histories(model, cache), COUNT)
    actions = torch.zeros(COUNT, cache.spec.action_dim, device=model.device)
    ended = 0
    for _ in range(STEPS + 1):
        stepped = environments.step(actions)
        if not (stepped.reward.isfinite().all() and stepped.observation.isfinite().all()):
            raise RunError(
                "imagination: a reward or an observation is not finite; look at the states with "
                "`wm inspect`, or lower train.learning_rate"
            )
        ended += int((stepped.terminated | stepped.timed_out).sum())
    findings.passed(
        f"imagination on: {COUNT} environments, {STEPS + 1} steps, {ended} resets, "
        f"{len(stepped.parts)} reward terms, all finite"
    )
    try:
        _environments(model, _histories(model, cache), 0)
    except ValueError:
        findings.passed("imagination off: no environments can be made")
    else:
        raise RunError("imagination is off, but environments were made; restore pipeline/")


def _histories(model: StateModel, cache: LatentCache) -> Histories:
    windows = windows_of(cache, model.config, "train", every=False)
    rows = np.arange(len(windows))
    states = windows.latents(rows, None)[:, : model.context].flatten(2).to(model.device)
    recorded = windows.actions(rows)[:, : model.context]
    last = recorded[:, max(0, model.context - 2), -1].to(model.device)
    return Histories(states, model.model_actions(recorded[:, :-1]), last)


def _environments(model: StateModel, histories: Histories, count: int) -> Environments:
    weights = Weights.model_validate(dict.fromkeys(rewards.TERMS, 1.0))
    options = Options(environments=count, steps=STEPS, noise=True, weights=weights)
    generator = torch.Generator().manual_seed(0)
    return Environments(
        model.network,
        model.spec,
        histories,
        lambda rows: torch.zeros(rows, 3),
        options,
        PERIOD,
        generator,
    )
