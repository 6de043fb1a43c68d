"""Where imagined episodes begin: recorded histories and commands."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from pipeline.compute.generators import seeded
from pipeline.dynamics.state_model import StateModel
from pipeline.episodes.episode import Meta
from pipeline.episodes.groups import OBSERVED, STATE, TERMINATION
from pipeline.errors import DataError
from pipeline.imagination.environments import Environments
from pipeline.imagination.histories import Histories
from pipeline.latents.cache import LatentCache
from pipeline.latents.windows import Windows, fixed_subset
from pipeline.policy import Options
from pipeline.policy.walking import command_of


def metas(cache: LatentCache) -> list[Meta]:
    """What is known of the episodes that train.

    Raises:
        DataError: no command or time step is among it, or states have no observed groups.
    """
    found: list[Meta] = [cache.seal.episodes[number].meta for number in cache.episodes("train")]
    needed = {"vx", "vy", "wz", "dt"}
    if cache.spec.state_dim < OBSERVED or any(not needed <= meta.keys() for meta in found):
        raise DataError(
            f"{cache.path}: its episodes are not those of a robot that is told how fast to walk; "
            "choose dataset: quadruped, or policy.method: none"
        )
    return found


def commands(cache: LatentCache) -> Tensor:
    """The recorded commands, [E, 3]."""
    return torch.stack([command_of(meta) for meta in metas(cache)])


def upright(cache: LatentCache) -> Iterator[tuple[Meta, slice]]:
    """The rows of the train split's episodes that do not end in a fall, with what is known."""
    for number in cache.episodes("train"):
        entry, start = cache.seal.episodes[number], int(cache.starts[number])
        rows = slice(start, start + entry.length)
        if not cache.states[rows.stop - 1, TERMINATION].any():
            yield entry.meta, rows


def imagined(
    cache: LatentCache, model: StateModel, options: Options, period: float
) -> Callable[[int], Environments]:
    """Makes the imagined environments of a part of a run, each part with draws of its own.

    Errors are those of `histories` and `metas`.
    """
    begun, known = histories(cache, model, options.histories, options.seed), commands(cache)

    def of_part(part: int) -> Environments:
        generator = seeded(options.seed, part)

        def drawn(count: int) -> Tensor:
            return known[torch.randint(len(known), (count,), generator=generator)]

        return Environments(
            model.network, model.spec, begun, drawn, options.imagination, period, generator
        )

    return of_part


def histories(cache: LatentCache, model: StateModel, count: int, seed: int) -> Histories:
    """At most `count` random stretches as long as the model's history, which end upright.

    Raises:
        ParamsError: no episode is so long.
        DataError: the model's rows are several steps apart.
    """
    if model.config.interval != 1 or model.spec.latent_shape[0] != STATE.stop:
        raise DataError(
            f"a model of {model.spec.latent_shape[0]} numbers {model.config.interval} steps apart "
            f"does not predict the {STATE.stop} of each step; train one with train.interval: 1"
        )
    rows = max(model.network.history, 2)
    own = cache.whitened_by(model.spec)
    windows = Windows(own, "train", rows, 1, "state_models.history", every=False)
    ends = windows.frame_indices(np.arange(len(windows)))[:, -1]
    upright = np.flatnonzero(cache.states[ends, TERMINATION][:, 0] == 0)
    chosen = upright[fixed_subset(len(upright), count, seed)]
    actions = windows.actions(chosen)  # [M, H, 1, A]
    states = windows.latents(chosen, None)[..., 0, 0]
    return Histories(
        states, model.spec.network_actions(actions)[:, :-1], actions[:, -2, 0].contiguous()
    )
