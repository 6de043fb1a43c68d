"""How latents are stored: in float16, or in int8 with a scale for each channel of each frame.

By torch, as numpy takes one float16 at a time.
"""

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

Storage = Literal["float16", "int8"]
SCALE = "_scale"
"""Ends the name of the array that holds the scales of another one."""
LEVELS = 127


def largest(storage: Storage) -> float:
    """Beyond what absolute value a latent cannot be stored."""
    import numpy as np

    return float(np.finfo(np.float16 if storage == "float16" else np.float32).max)


def packed(name: str, latents: "Tensor", storage: Storage) -> "dict[str, NDArray[Any]]":
    """Rows float32 [B, C, h, w] as a store holds them: in one array, or with its scales.

    The scale [B, C] is absmax / 127, so that rounding is off by half a scale at most; it is 1
    where a channel is 0.
    """
    import torch

    if storage == "float16":
        return {name: latents.half().numpy()}
    scale = latents.abs().amax((2, 3)) / LEVELS
    scale[scale == 0] = 1
    levels = (latents / scale[..., None, None]).round_().to(torch.int8)
    return {name: levels.numpy(), f"{name}{SCALE}": scale.numpy()}


def unpacked(stored: "NDArray[Any]", scale: "NDArray[np.float32] | None") -> "Tensor":
    """Rows float32 [..., C, h, w] that were stored, with the scales [..., C] of those in int8."""
    import torch

    latents = torch.from_numpy(stored).float()
    return latents if scale is None else latents.mul_(torch.from_numpy(scale)[..., None, None])
