"""The parts of self-distillation: views, a head of prototypes, targets that cannot all agree."""

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
    """Features [..., width] to cosines with prototypes, [..., prototypes]."""

    def __init__(self, width: int, prototypes: int) -> None:
        super().__init__()
        # Frames of a simulator look alike: without the batch's own norm, so do all their features,
        # and targets never leave the uniform distribution.
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


class Network(nn.Module):
    """Transformer, head, and the blank that stands in for hidden patches."""

    def __init__(self, architecture: Architecture, prototypes: int) -> None:
        super().__init__()
        self.vit = TinyVit(architecture)
        self.head = Head(architecture.width, prototypes)
        self.blank = nn.Parameter(torch.zeros(3, architecture.patch, architecture.patch))

    def cover(self, pixels: Tensor, unseen: Tensor) -> Tensor:
        """Pixels [B, 3, H, W] with the blank in place of the patches of numbers [B, M]."""
        rows, columns = (n // self.vit.patch for n in pixels.shape[2:])
        covered = torch.zeros(len(pixels), rows * columns).scatter(1, unseen, 1.0)
        side = {"p": self.vit.patch, "q": self.vit.patch}
        mask = repeat(covered, "b (h w) -> b 1 (h p) (w q)", h=rows, **side)
        return torch.lerp(pixels, self.blank.repeat(1, rows, columns), mask)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Pixels in -1..1 [B, 3, H, W] to logits [B, K] of the whole, and tokens [B, P, width]."""
        tokens = self.vit(pixels)
        return self.head(tokens.mean(1)), tokens


def cross_entropy(student: Tensor, teacher: Tensor, centre: Tensor) -> Tensor:
    """Distillation loss [] of logits [..., K], by targets that are centred [K] and sharpened.

    Centring keeps one prototype from winning everywhere, sharpening keeps all of them from winning
    alike (Caron et al. 2021, eq. 1 and sec. 3.1).
    """
    targets = ((teacher - centre) / TEACHER_TEMPERATURE).softmax(-1)
    return -(targets * (student / STUDENT_TEMPERATURE).log_softmax(-1)).sum(-1).mean()


def moved(centre: Tensor, teacher: Tensor) -> Tensor:
    """The centre [K] after a batch of the teacher's logits [..., K] (ibid., eq. 4)."""
    return centre.lerp(teacher.flatten(0, -2).mean(0), 1 - CENTRE_MOMENTUM)


def crops(pixels: Tensor, smallest: float, generator: torch.Generator) -> Tensor:
    """A random window of each image [B, 3, H, W], of sides `smallest`..1 of its own, resized back.

    Nothing is mirrored and no colour is changed: in a simulator both mean something.
    """
    side = smallest + (1 - smallest) * torch.rand(len(pixels), generator=generator)
    shift = torch.rand(len(pixels), 2, generator=generator) * 2 - 1
    windows = torch.zeros(len(pixels), 2, 3)
    windows[:, 0, 0] = windows[:, 1, 1] = side
    windows[:, :, 2] = shift * (1 - side)[:, None]
    points = functional.affine_grid(windows, list(pixels.shape), align_corners=False)
    return functional.grid_sample(pixels, points, padding_mode="border", align_corners=False)


def hide(images: int, patches: int, share: float, generator: torch.Generator) -> Tensor:
    """The numbers [B, M] of the patches that are hidden of each image: a share of them all."""
    order = torch.rand(images, patches, generator=generator).argsort(1)
    return order[:, : max(1, round(share * patches))]
