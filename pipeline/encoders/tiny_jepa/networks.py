"""Masked latent prediction: block masks, context encoder, predictor and EMA target."""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.compute.optimiser import ema_update
from pipeline.encoders._shared.tiny_vit import Architecture, Block, TinyVit, sincos_positions

BLOCKS = 4
SHARE = (0.15, 0.2)
ASPECT = (0.75, 1.5)
"""Masked blocks per image, their share of its patches, their aspect ratio (I-JEPA, app. A.1)."""


def block_mask(grid: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Mask bool [h, w] of the patches that random blocks hide, of a grid of at least 3 x 3.

    No block is larger than its share, so a fifth of the picture stays visible.
    """
    rows, columns = grid
    hidden = torch.zeros(grid, dtype=torch.bool)
    for share, aspect, down, across in torch.rand(BLOCKS, 4, generator=generator).tolist():
        area = rows * columns * (SHARE[0] + (SHARE[1] - SHARE[0]) * share)
        ratio = ASPECT[0] * (ASPECT[1] / ASPECT[0]) ** aspect
        height = min(rows, int((area * ratio) ** 0.5))
        width = min(columns, int(area / height))
        top, left = int(down * (rows - height + 1)), int(across * (columns - width + 1))
        hidden[top : top + height, left : left + width] = True
    return hidden


class Predictor(nn.Module):
    """Half as wide and half as deep; its queries are a mask token plus the patch's position."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        width = architecture.width // 2
        self.enter = nn.Linear(architecture.width, width)
        self.mask = nn.Parameter(torch.zeros(width))
        blocks = (Block(width, architecture.heads) for _ in range((architecture.depth + 1) // 2))
        self.blocks = nn.Sequential(*blocks, nn.LayerNorm(width))
        self.leave = nn.Linear(width, architecture.width)

    def forward(self, tokens: Tensor, hidden: Tensor) -> Tensor:
        """Tokens [B, K, width] of the visible patches to those [B, M, width] of the hidden ones.

        `hidden` is bool [h, w]; tokens go in and come out in reading order.
        """
        positions = sincos_positions((len(hidden), hidden.shape[1]), len(self.mask))
        queries = (self.mask + positions[hidden.flatten()]).expand(len(tokens), -1, -1)
        context = self.enter(tokens) + positions[~hidden.flatten()]
        return self.leave(self.blocks(torch.cat([context, queries], 1))[:, tokens.shape[1] :])


class Jepa(nn.Module):
    """Context encoder, predictor and target encoder."""

    def __init__(self, architecture: Architecture) -> None:
        """Initialise from the global generator; target and context encoder start equal."""
        super().__init__()
        self.context, self.predictor = TinyVit(architecture), Predictor(architecture)
        self.target = copy.deepcopy(self.context).requires_grad_(False)

    def forward(self, pixels: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Encode the visible patches of pixels [B, 3, H, W] and predict those that a mask hides.

        Returns:
            Tokens [B, K, width] of the visible patches, and predicted ones [B, M, width].
        """
        visible = (~hidden.flatten()).nonzero()[:, 0].expand(len(pixels), -1)
        tokens = self.context(pixels, visible)
        return tokens, self.predictor(tokens, hidden)

    @torch.no_grad()
    def targets(self, pixels: Tensor, hidden: Tensor) -> Tensor:
        """Regression targets [B, M, width]: normalised tokens of the target encoder."""
        tokens = self.target(pixels)[:, hidden.flatten()]
        return functional.layer_norm(tokens, tokens.shape[-1:])

    def update_target(self, momentum: float) -> None:
        """EMA: target <- momentum x target + (1 - momentum) x context encoder."""
        ema_update(self.target, self.context, momentum)


def vicreg_terms(tokens: Tensor) -> tuple[Tensor, Tensor]:
    """VICReg's variance and covariance terms of tokens [B, K, D], over B (Bardes et al. 2022).

    Returns:
        Mean hinge of the standard deviations below 1; and the squared covariances of different
        features, summed over one of them and averaged over the other (ibid., eq. 1 to 4).
    """
    # Normalised without gains, which could scale the differences without adding information.
    tokens = functional.layer_norm(tokens, tokens.shape[-1:])
    deviations = tokens - tokens.mean(0)
    std = (deviations.square().sum(0) / (len(tokens) - 1) + 1e-4).sqrt()
    rows = deviations.flatten(0, 1)
    covariance = rows.T @ rows / len(rows)
    off = covariance - covariance.diagonal().diag()
    return functional.relu(1 - std).mean(), off.square().sum() / len(off)
