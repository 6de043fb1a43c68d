"""How latents are stored: in float16, or in int8 with a scale for each channel of each frame."""

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


def packed(
    name: str, latents: "NDArray[np.float32]", storage: Storage
) -> "dict[str, NDArray[Any]]":
    """Rows [B, C, h, w] as the arrays of a store hold them: one of them, or with its scales.

    The scale [B, C] is absmax / 127, so that rounding is off by half a scale at most; it is 1
    where a channel is 0.
    """
    import numpy as np

    if storage == "float16":
        return {name: latents.astype(np.float16)}
    scale = np.abs(latents).max((2, 3)) / np.float32(LEVELS)
    scale = np.where(scale == 0, np.float32(1), scale)
    levels = np.rint(latents / scale[..., None, None]).astype(np.int8)
    return {name: levels, f"{name}{SCALE}": scale}


def unpacked(stored: "NDArray[Any]", scale: "NDArray[np.float32] | None") -> "Tensor":
    """Rows float32 [..., C, h, w] that were stored, with their scales [..., C] if they are in int8.

    By torch: numpy takes a float16 at a time.
    """
    import torch

    latents = torch.from_numpy(stored).float()
    return latents if scale is None else latents.mul_(torch.from_numpy(scale)[..., None, None])
