"""Frames at the resolution that encoders see."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pipeline.files.json_model import FileModel

if TYPE_CHECKING:
    from torch import Tensor


class Preprocessing(FileModel):
    """The resolution at which encoders see frames, in pixels, and how frames are resized to it.

    Attributes:
        height: of the frames after resizing.
        width: of the frames after resizing.
        antialias: whether frames are low-pass filtered where they shrink.
    """

    height: int = Field(gt=0, le=2**14)
    width: int = Field(gt=0, le=2**14)
    antialias: bool

    def to_float(self, frames: "Tensor") -> "Tensor":
        """Recorded frames uint8 [N, 3, h, w] as float32 [N, 3, height, width] in 0..1."""
        if frames.shape[2:] == (self.height, self.width):
            return frames.float() / 255
        return resize(frames, (self.height, self.width), antialias=self.antialias)

    def apply(self, frames: NDArray[np.uint8]) -> "Tensor":
        """Recorded frames uint8 [T, H, W, 3] as uint8 [T, 3, height, width]."""
        import torch

        tensor = torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2)
        if tensor.shape[2:] == (self.height, self.width):
            return tensor
        return self.to_float(tensor).mul(255).round().clamp(0, 255).to(torch.uint8)


def resize(frames: "Tensor", size: tuple[int, int], *, antialias: bool = False) -> "Tensor":
    """Frames uint8 [T, 3, H, W] resized bilinearly to float32 [T, 3, *size] in 0..1.

    Without antialiasing as in the reference (world_model_dataset.py, `_load_slice`).
    """
    from torch.nn import functional

    return functional.interpolate(
        frames.float() / 255, size, mode="bilinear", align_corners=False, antialias=antialias
    )
