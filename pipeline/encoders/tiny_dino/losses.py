"""Self-distillation: random views, projection head, centred and sharpened targets."""

import torch
from einops import repeat
from torch import Tensor, nn
from torch.nn import functional

from pipeline.encoders._shared.tiny_vit import Architecture, TinyVit

STUDENT_TEMPERATURE = 0.1
TEACHER_TEMPERATURE = 0.04
"""Lower than the student's: the targets are sharper (Caron et al. 2021, sec. 3.1)."""
CENTRE_MOMENTUM = 0.9


class Head(nn.Module):
    """Features [..., width] to cosine similarities with prototypes, [..., prototypes]."""

    def __init__(self, width: int, prototypes: int) -> None:
        super().__init__()
        # Frames of a simulator are similar: without batch norm so are all features, and the targets
        # never leave the uniform distribution.
        self.mlp = nn.Sequential(
            nn.Linear(width, 2 * width),
            nn.GELU(),
            nn.Linear(2 * width, width // 2),
            nn.BatchNorm1d(width // 2, affine=False, track_running_stats=False),
        )
        self.prototypes = nn.Parameter(torch.randn(prototypes, width // 2))

    def forward(self, features: Tensor) -> Tensor:
        directions = functional.normalize(self.prototypes, dim=-1)
        rows = functional.normalize(self.mlp(features.flatten(0, -2)), dim=-1)
        return (rows @ directions.T).unflatten(0, features.shape[:-1])


class DinoNetwork(nn.Module):
    """Transformer, projection head and the learned content of masked patches."""

    def __init__(self, architecture: Architecture, prototypes: int) -> None:
        super().__init__()
        self.vit = TinyVit(architecture)
        self.head = Head(architecture.width, prototypes)
        self.blank = nn.Parameter(torch.zeros(3, architecture.patch, architecture.patch))

    def mask(self, pixels: Tensor, masked: Tensor) -> Tensor:
        """Replace the patches of indices `masked` [B, M] in pixels [B, 3, H, W] by `blank`."""
        rows, columns = (n // self.vit.patch for n in pixels.shape[2:])
        mask = torch.zeros(len(pixels), rows * columns).scatter(1, masked, 1.0)
        side = {"p": self.vit.patch, "q": self.vit.patch}
        mask = repeat(mask, "b (h w) -> b 1 (h p) (w q)", h=rows, **side)
        return torch.lerp(pixels, self.blank.repeat(1, rows, columns), mask)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Pixels in -1..1 [B, 3, H, W] to logits [B, K] of the image, and tokens [B, P, width]."""
        tokens = self.vit(pixels)
        return self.head(tokens.mean(1)), tokens


def cross_entropy(student: Tensor, teacher: Tensor, centre: Tensor) -> Tensor:
    """Distillation loss [] of logits [..., K] against centred [K] and sharpened targets.

    Centring prevents one prototype from dominating, sharpening prevents the uniform distribution
    (Caron et al. 2021, eq. 1 and sec. 3.1).
    """
    targets = ((teacher - centre) / TEACHER_TEMPERATURE).softmax(-1)
    return -(targets * (student / STUDENT_TEMPERATURE).log_softmax(-1)).sum(-1).mean()


def update_centre(centre: Tensor, teacher: Tensor) -> Tensor:
    """EMA of the centre [K] by a batch of the teacher's logits [..., K] (ibid., eq. 4)."""
    return centre.lerp(teacher.flatten(0, -2).mean(0), 1 - CENTRE_MOMENTUM)


def random_crops(pixels: Tensor, smallest: float, generator: torch.Generator) -> Tensor:
    """A random crop of each image [B, 3, H, W], of `smallest`..1 of its sides, resized back.

    There are no flips and no colour jitter: in a simulator, side and colour carry meaning.
    """
    side = smallest + (1 - smallest) * torch.rand(len(pixels), generator=generator)
    shift = torch.rand(len(pixels), 2, generator=generator) * 2 - 1
    windows = torch.zeros(len(pixels), 2, 3)
    windows[:, 0, 0] = windows[:, 1, 1] = side
    windows[:, :, 2] = shift * (1 - side)[:, None]
    points = functional.affine_grid(windows, list(pixels.shape), align_corners=False)
    return functional.grid_sample(pixels, points, padding_mode="border", align_corners=False)


def random_patches(images: int, patches: int, share: float, generator: torch.Generator) -> Tensor:
    """Indices [B, M] of a random share of the patches of each image."""
    order = torch.rand(images, patches, generator=generator).argsort(1)
    return order[:, : max(1, round(share * patches))]
