"""The two networks of a probe; both work in coordinates of mean 0 and variance 1."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.latents.spec import LatentShape


class Readout(nn.Module):
    """Every patch votes for a value of each coordinate, and says how much its vote weighs.

    A convolution sees the neighbourhood of a patch alone, so that what it learns of an object in
    one place holds in every other: on small objects that is far better than a flat network. The
    position of a patch enters as two more channels.
    """

    grid: Tensor

    def __init__(self, latent_shape: LatentShape, coordinates: int, width: int, depth: int) -> None:
        """Build an untrained readout of `coordinates` numbers from latents of a shape."""
        super().__init__()
        channels, height, columns = latent_shape
        y, x = (torch.linspace(-1, 1, size) for size in (height, columns))
        grid = torch.stack(torch.meshgrid(x, y, indexing="xy"))  # [2, h, w]
        self.register_buffer("grid", grid, persistent=False)
        inputs = [channels + len(grid), *[width] * (depth - 1)]
        self.convolutions = nn.ModuleList(nn.Conv2d(c, width, 3, padding=1) for c in inputs)
        self.votes = nn.Conv2d(width, 2 * coordinates, 1)

    def forward(self, latents: Tensor) -> Tensor:
        """Whitened latents [N, C, h, w] to coordinates [N, D]."""
        grid = self.grid.expand(len(latents), -1, -1, -1)
        hidden = torch.cat([latents, grid], 1).contiguous(memory_format=torch.channels_last)
        for convolution in self.convolutions:
            hidden = F.gelu(convolution(hidden))
        values, weights = self.votes(hidden).flatten(2).chunk(2, 1)  # [N, D, h w] each
        return (values * weights.softmax(-1)).sum(-1)


class Inverse(nn.Module):
    """Actions that lead from here to a goal: an MLP of both and of the frames that are left."""

    def __init__(self, coordinates: int, frames: int, actions: int, width: int, depth: int) -> None:
        """Build an untrained inverse model.

        Args:
            coordinates: D.
            frames: of the farthest goal, H.
            actions: numbers in the actions of a frame.
            width: of the hidden layers.
            depth: how many there are.
        """
        super().__init__()
        self.frames = frames
        inputs = [3 * coordinates + frames, *[width] * (depth - 1)]
        self.hidden = nn.ModuleList(nn.Linear(size, width) for size in inputs)
        self.actions = nn.Linear(width, frames * actions)

    def forward(self, now: Tensor, goal: Tensor, frames_left: Tensor) -> Tensor:
        """Actions [B, H, actions] from coordinates [B, D] each, and frames [B] in 1..H."""
        left = F.one_hot(frames_left - 1, self.frames)
        hidden = torch.cat([now, goal, goal - now, left.to(now)], 1)
        for layer in self.hidden:
            hidden = F.gelu(layer(hidden))
        return self.actions(hidden).unflatten(1, (self.frames, -1))


class Networks(nn.Module):
    """All weights of a probe, and the scale of its coordinates.

    Attributes:
        mean, std: of the coordinates of the training frames, [D], in the world's units.
        readout: from latents.
        inverse: to actions.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, readout: Readout, inverse: Inverse, mean: Tensor, std: Tensor) -> None:
        """Put them together."""
        super().__init__()
        self.readout, self.inverse = readout, inverse
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
