"""Where imagined episodes begin: recorded histories and commands."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from pipeline.compute.generators import seeded
from pipeline.dynamics.state_model import StateModel
from pipeline.episodes.episode import Meta
from pipeline.episodes.groups import OBSERVED, STATE, TERMINATION
from pipeline.episodes.manifest import Split
from pipeline.errors import DataError
from pipeline.imagination.environments import Environments
from pipeline.imagination.histories import Histories
from pipeline.latents.cache import LatentCache
from pipeline.latents.windows import Windows, fixed_subset
from pipeline.policy import Options
from pipeline.policy.walking import command_of


def metas(cache: LatentCache, split: Split = "train") -> list[Meta]:
    """What is known of the episodes of a split.

    Raises:
        DataError: no command or time step is among it, or states have no observed groups.
    """
    found: list[Meta] = [cache.seal.episodes[number].meta for number in cache.episodes(split)]
    needed = {"vx", "vy", "wz", "dt"}
    if cache.spec.state_dim < OBSERVED or any(not needed <= meta.keys() for meta in found):
        raise DataError(
            f"{cache.path}: its episodes are not those of a robot that is told how fast to walk; "
            "choose dataset: quadruped, or policy.method: none"
        )
    return found


def commands(cache: LatentCache, split: Split = "train") -> Tensor:
    """The recorded commands, [E, 3]."""
    return torch.stack([command_of(meta) for meta in metas(cache, split)])


def upright(cache: LatentCache, split: Split = "train") -> Iterator[tuple[Meta, slice]]:
    """The rows of a split's episodes that do not end in a fall, with what is known."""
    for number in cache.episodes(split):
        entry, start = cache.seal.episodes[number], int(cache.starts[number])
        rows = slice(start, start + entry.length)
        if not cache.states[rows.stop - 1, TERMINATION].any():
            yield entry.meta, rows


def imagined(
    cache: LatentCache, model: StateModel, options: Options, period: float, split: Split = "train"
) -> Callable[[int], Environments]:
    """Makes the imagined environments of a part of a run, each part with draws of its own.

    Errors are those of `histories` and `metas`.
    """
    begun = histories(cache, model, options.histories, options.seed, split)
    known = commands(cache, split)

    def of_part(part: int) -> Environments:
        generator = seeded(options.seed, part)

        def drawn(count: int) -> Tensor:
            return known[torch.randint(len(known), (count,), generator=generator)]

        return Environments(
            model.network, model.spec, begun, drawn, options.imagination, period, generator
        )

    return of_part


def histories(
    cache: LatentCache, model: StateModel, count: int, seed: int, split: Split = "train"
) -> Histories:
    """At most `count` random stretches as long as the model's history.

    They are of episodes that do not end in a fall.

    Raises:
        ParamsError: no episode is so long.
        DataError: the model's rows are several steps apart, or every episode ends in a fall.
    """
    if model.config.interval != 1 or model.spec.latent_shape[0] != STATE.stop:
        raise DataError(
            f"a model of {model.spec.latent_shape[0]} numbers {model.config.interval} steps apart "
            f"does not predict the {STATE.stop} of each step; train one with train.interval: 1"
        )
    rows = max(model.network.history, 2)
    own = cache.whitened_by(model.spec)
    windows = Windows(own, split, rows, 1, "state_models.history", every=False)
    ends = windows.frame_indices(np.arange(len(windows)))[:, -1]
    balanced = np.zeros(len(cache.states), bool)
    for _, stretch in upright(cache, split):
        balanced[stretch] = True
    found = np.flatnonzero(balanced[ends])
    if not len(found):
        raise DataError(
            f"{cache.path}: every episode of the {split} split ends in a fall, so none can begin "
            "with its rows; collect more episodes"
        )
    chosen = found[fixed_subset(len(found), count, seed)]
    actions = windows.actions(chosen)  # [M, H, 1, A]
    states = windows.latents(chosen, None)[..., 0, 0]
    return Histories(
        states, model.spec.network_actions(actions)[:, :-1], actions[:, -2, 0].contiguous()
    )
