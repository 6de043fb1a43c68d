"""From pixels to keypoints by a spatial softmax, and back by a decoder of Gaussian maps.

Unsupervised, as in Jakab et al. 2018 (Unsupervised Learning of Object Landmarks through Conditional
Image Generation) and Minderer et al. 2019 (Unsupervised Learning of Object Structure and Dynamics
from Videos), with the mean picture in the place of their reference frame.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.encoders._shared.decoder import layer

CELL = 4
"""Pixels of a frame to a side of a cell of the maps."""
GROUPS = 8
"""Of the normalisation; widths are multiples of it."""


def grid(rows: int, columns: int) -> Tensor:
    """Coordinates y, x of the cells in -1..1, float32 [2, rows, columns]."""
    axes = (torch.linspace(-1, 1, rows), torch.linspace(-1, 1, columns))
    return torch.stack(torch.meshgrid(*axes, indexing="ij"))


def expected_place(maps: Tensor, cells: Tensor) -> Tensor:
    """Mean place [B, K, 2] under a softmax of maps [B, K, h, w] over cells at places [2, h, w]."""
    return maps.float().flatten(2).softmax(-1) @ cells.flatten(1).T


class Points(nn.Module):
    """What changed in a frame to keypoints: each is the mean cell under the softmax of its map."""

    places: Tensor
    cells: Tensor

    def __init__(self, size: tuple[int, int], keypoints: int, width: int) -> None:
        """See frames of `size` = (H, W); initialise from the global generator."""
        super().__init__()
        rows, columns = size
        self.register_buffer("places", grid(rows, columns), persistent=False)
        self.register_buffer("cells", grid(rows // CELL, columns // CELL), persistent=False)
        wide = 2 * width
        self.maps = nn.Sequential(
            *layer(5, width, stride=2),
            *layer(width, wide, stride=2),
            *layer(wide, wide, dilation=2),
            *layer(wide, wide, dilation=4),
            *layer(wide, wide),
            nn.Conv2d(wide, keypoints, 1),
        )

    def forward(self, change: Tensor) -> Tensor:
        """Pixels less the mean picture [B, 3, H, W] to keypoints y, x in -1..1, [B, K, 2]."""
        places = self.places.expand(len(change), -1, -1, -1)
        return expected_place(self.maps(torch.cat([change, places], 1)), self.cells)


class Painter(nn.Module):
    """Keypoints to what they change in a frame: a Gaussian at each, convolved up to its size."""

    cells: Tensor

    def __init__(self, size: tuple[int, int], keypoints: int, width: int, spread: float) -> None:
        """Paint Gaussians with a std of `spread` cells into frames of `size` = (H, W)."""
        super().__init__()
        rows, columns = size[0] // CELL, size[1] // CELL
        self.register_buffer("cells", grid(rows, columns), persistent=False)
        # A cell is 2 / (n - 1) of the coordinates -1..1.
        self.std = (2 * spread / max(rows - 1, 1), 2 * spread / max(columns - 1, 1))
        wide, narrow = 2 * width, max(width // 2 // GROUPS * GROUPS, GROUPS)
        self.levels = nn.ModuleList(
            nn.Sequential(*layers)
            for layers in (
                (*layer(keypoints, wide), *layer(wide, wide)),
                (*layer(wide, width), *layer(width, width)),
                layer(width, narrow),
            )
        )
        self.output = nn.Conv2d(narrow, 3, 3, padding=1)

    def forward(self, points: Tensor) -> Tensor:
        """Keypoints y, x in -1..1, [B, K, 2], to pixels less the mean picture [B, 3, H, W]."""
        y, x = (
            (self.cells[axis] - points[..., axis, None, None]) / self.std[axis] for axis in (0, 1)
        )
        maps = torch.exp(-(y.square() + x.square()) / 2)
        for number, level in enumerate(self.levels):
            if number:
                maps = functional.interpolate(maps, scale_factor=2.0)
            maps = level(maps)
        return self.output(maps)
