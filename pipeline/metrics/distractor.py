"""What few-step sampling loses of an object that stands at a random place in every frame.

A model that averages over its places scores best in PSNR, and shows no such object. So frames are
compared with pictures of the object alone, and the rest of the frame by itself.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from pipeline.metrics.bootstrap import ENDS, RESAMPLES, _counts
from pipeline.metrics.images import psnr

NOWHERE = -1
"""Place of the object in a frame that does not show exactly one of it."""
MOST_ERROR = 0.25
"""Of a clean object, as a share of its own energy: half of its brightness is as near to none."""


@dataclass(frozen=True, slots=True)
class Distractor:
    """Pictures of the object alone, float32 [K, 3, H, W] in 0..1, at each of its K places.

    They do not overlap, and nothing else is drawn in their colour channels.
    """

    pictures: Tensor

    def __len__(self) -> int:
        """Number of places K."""
        return len(self.pictures)

    @property
    def channels(self) -> Tensor:
        """Which colour channels it is drawn in, bool [3]."""
        return self.pictures.amax((0, 2, 3)) > 0

    def places(self, frames: Tensor) -> Tensor:
        """Where frames float32 [N, 3, H, W] in 0..1 show it, int64 [N] in 0..K - 1, or NOWHERE.

        A frame shows exactly one clean object if the squared error of its channels to the nearest
        picture is below MOST_ERROR times the sum of squares of that picture.
        """
        shown, pictures = (each[:, self.channels].flatten(1) for each in (frames, self.pictures))
        energy = pictures.square().sum(1)
        error = shown.square().sum(1, keepdim=True) - 2 * shown @ pictures.T + energy
        least, place = (error / energy).min(1)
        return place.where(least < MOST_ERROR, NOWHERE)

    def validity(self, generated: Tensor, truth: Tensor) -> Tensor:
        """1 where a generated frame [N, 3, H, W] shows exactly one clean object, else 0; [N].

        It may stand anywhere: the recorded frames `truth` do not matter.
        """
        return (self.places(generated) != NOWHERE).float()

    def predictable_psnr(self, generated: Tensor, truth: Tensor) -> Tensor:
        """PSNR in dB [N] of the colour channels without it, of frames [N, 3, H, W] in 0..1."""
        return psnr(generated[:, ~self.channels], truth[:, ~self.channels], peak=1)


@dataclass(frozen=True, slots=True)
class Entropy:
    """Of places, divided by that of the uniform distribution, with its 95 % interval."""

    value: float
    interval: tuple[float, float]


def normalised_entropy(places: Tensor, count: int) -> Tensor:
    """Entropy of places int64 [..., N] in 0..count - 1 over N samples, divided by log `count`.

    1 is uniform, 0 always the same place. Samples at NOWHERE are left out; NaN where fewer than
    `count` are left. What an estimate from few samples is too small by, is added (Miller 1955).
    """
    seen = _one_hot(places, count).sum(-2)
    return _normalised(seen).clamp(max=1).where(seen.sum(-1) >= count, math.nan)


def diversity(places: Tensor, count: int) -> Entropy | None:
    """Mean normalised entropy of places int64 [G, N] of N samples of each of G equal conditions.

    Conditions with fewer than `count` samples that are somewhere do not count; None if none does.
    The interval is that of resamples of the samples around their own mean, moved to the value, for
    a resample repeats samples and so is less diverse.
    """
    entropies = normalised_entropy(places, count)
    measured = ~entropies.isnan()
    if not measured.any():
        return None
    value = float(entropies[measured].mean())
    shown = _one_hot(places[measured], count)
    drawn = torch.cat(list(_counts(places.shape[1], RESAMPLES)))
    seen = torch.einsum("rn,gnk->rgk", drawn, shown)
    resampled = _normalised(seen).mean(1)
    low, high = (value + torch.quantile(resampled, ENDS) - resampled.mean()).tolist()
    return Entropy(value, (min(max(low, 0.0), value), max(min(high, 1.0), value)))


def _one_hot(places: Tensor, count: int) -> Tensor:
    """Float64 [..., count], all 0 at NOWHERE."""
    return one_hot(places - NOWHERE, count + 1)[..., 1:].double()


def _normalised(seen: Tensor) -> Tensor:
    """Entropy [...] of how often each of K places was seen [..., K], as a share of log K."""
    number = seen.sum(-1).clamp(min=1)
    plain = torch.special.entr(seen / number.unsqueeze(-1)).sum(-1)
    too_small = ((seen > 0).sum(-1) - 1).clamp(min=0) / (2 * number)
    return (plain + too_small) / math.log(seen.shape[-1])
