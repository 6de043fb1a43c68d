"""Pictures of states."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.episodes.quadruped import draw
from pipeline.episodes.resize import Preprocessing

Drawing = Callable[[Tensor], Tensor]
"""States float32 [B, C] to frames uint8 [B, 3, H, W]."""


@dataclass(frozen=True, slots=True)
class Strip:
    """A column of grey for each number, black at its lowest and white at its highest value.

    Attributes:
        low: the lowest values [C].
        high: the highest [C].
        size: height and width of the frames in pixels; of more numbers than that only some show.
    """

    low: Tensor
    high: Tensor
    size: tuple[int, int]

    def __call__(self, states: Tensor) -> Tensor:
        """See `Drawing`."""
        height, width = self.size
        span = self.high - self.low
        shares = torch.where(span > 0, (states - self.low) / span.clamp(min=1e-30), 0.5)
        grey = (shares.clamp(0, 1) * 255).round().to(torch.uint8)
        columns = torch.arange(width) * states.shape[1] // width
        return grey[:, None, None, columns].expand(-1, 3, height, -1).contiguous()


@dataclass(frozen=True, slots=True)
class Robot:
    """The legged robot, as its data sets show it.

    Attributes:
        size: height and width of the frames in pixels.
    """

    size: tuple[int, int]

    def __call__(self, states: Tensor) -> Tensor:
        """See `Drawing`."""
        height, width = self.size
        view = Preprocessing(height=height, width=width, antialias=True)
        return view.apply(draw(states.numpy())).contiguous()
