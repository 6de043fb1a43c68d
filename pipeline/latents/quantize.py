"""Storage of latents: float16, or int8 with a scale for each channel of each frame.

States are stored as they are, in float32.

By torch, as numpy converts to float16 number by number.
"""

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

Rounded = Literal["float16", "int8"]
"""What params.yaml can ask for."""
Storage = Literal["float16", "int8", "float32"]
SCALE = "_scale"
"""Suffix of the name of the array with the scales of an int8 array."""
LEVELS = 127


def max_storable(storage: Storage) -> float:
    """Largest absolute value that can be stored."""
    import numpy as np

    return float(np.finfo(np.float16 if storage == "float16" else np.float32).max)


def quantize(name: str, latents: "Tensor", storage: Storage) -> "dict[str, NDArray[Any]]":
    """Latents float32 [B, C, h, w] as stored: an array called `name`, and for int8 its scales.

    The scale [B, C] is absmax / 127, so the rounding error is at most half a scale; it is 1 where
    a channel is all zero.
    """
    import torch

    if storage == "float32":
        return {name: latents.numpy()}
    if storage == "float16":
        return {name: latents.half().numpy()}
    scale = latents.abs().amax((2, 3)) / LEVELS
    scale[scale == 0] = 1
    levels = (latents / scale[..., None, None]).round_().to(torch.int8)
    return {name: levels.numpy(), f"{name}{SCALE}": scale.numpy()}


def dequantize(stored: "NDArray[Any]", scale: "NDArray[np.float32] | None") -> "Tensor":
    """Latents float32 [..., C, h, w] from stored ones; int8 needs its scales [..., C]."""
    import torch

    latents = torch.from_numpy(stored).float()
    return latents if scale is None else latents.mul_(torch.from_numpy(scale)[..., None, None])
