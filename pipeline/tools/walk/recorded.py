"""Recorded stretches of walking: the planner's first candidates, and a controller of their own."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.episodes.groups import STATE
from pipeline.errors import DataError
from pipeline.latents.cache import LatentCache
from pipeline.latents.spec import LatentSpec
from pipeline.policy.starts import upright
from pipeline.policy.walking import Walk, command_of

COMMAND_STD = 0.1
"""Difference of a commanded velocity that counts as a standard deviation of a state's number."""


class Stretches:
    """Recorded actions of train episodes that do not end in a fall, by state and command."""

    def __init__(self, cache: LatentCache, spec: LatentSpec, horizon: int) -> None:
        """Index every row that `horizon` actions follow.

        Raises:
            DataError: no train episode is so long and stays upright.
        """
        self.spec, self.horizon = spec, horizon
        self.recorded = torch.from_numpy(np.array(cache.actions))
        rows, keys = [], []
        for meta, episode in upright(cache):
            length = episode.stop - episode.start
            if length < horizon:
                continue
            places = episode.start + np.arange(length - horizon + 1)
            command = command_of(meta).expand(len(places), 3)
            keys.append(self._keys(cache.states[places], command))
            rows.append(torch.from_numpy(places))
        if not rows:
            raise DataError(
                f"{cache.path}: no train episode of {horizon} rows or more stays upright; lower "
                "--horizon, or record more episodes"
            )
        self.rows, self.keys = torch.cat(rows), torch.cat(keys)

    def _keys(self, states: NDArray[np.float32], command: Tensor) -> Tensor:
        """What stretches are compared by, [N, 48]."""
        units = torch.from_numpy(np.array(states[:, STATE]))[..., None, None]
        return torch.cat([self.spec.whiten(units)[..., 0, 0], command / COMMAND_STD], 1)

    def nearest(self, walks: Sequence[Walk], count: int) -> Tensor:
        """Actions [B, count, H, 12] that followed the rows most like where walks are."""
        states = np.stack([walk.states[-1] for walk in walks])
        command = torch.stack([walk.command for walk in walks])
        away = torch.cdist(self._keys(states, command), self.keys)  # [B, M]
        found = self.rows[away.topk(count, 1, largest=False).indices]
        return self.recorded[found[..., None] + torch.arange(self.horizon)]
