"""Frames at the size that a model works at."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional


def resize(frames: NDArray[np.uint8], size: int) -> Tensor:
    """Frames uint8 [T, H, W, 3] stretched to float32 [T, 3, size, size] in -1..1.

    Bilinear without antialiasing, as in the reference (world_model_dataset.py, `_load_slice`).
    """
    unit = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255
    sized = functional.interpolate(unit, (size, size), mode="bilinear", align_corners=False)
    return sized * 2 - 1
