"""Contacts and terminations beside state vectors: columns of a cache's states."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.latents.windows import Windows


def labels_of(windows: Windows, rows: NDArray[np.int64], count: int) -> Tensor:
    """The `count` columns that follow the latents in the cache's states, 0 or 1.

    They are contacts, then the termination, of windows `rows` [B]: [B, T, count].
    """
    frames, first = windows.frame_indices(rows), windows.cache.spec.latent_shape[0]
    if not count:
        return torch.zeros(*frames.shape, 0)
    return torch.from_numpy(windows.cache.states[frames][..., first : first + count])
