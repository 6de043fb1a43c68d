"""In what space frames are compared with the goal, and by which metric."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from pipeline.compute.device import pick
from pipeline.encoders import Encoder
from pipeline.latents.spec import LatentSpec
from pipeline.plan import Distance
from pipeline.plan.goal_distance import METRICS, Metric, mse
from pipeline.probe.probe import Probe

ON_CPU = 16
"""Frames of a pass on a CPU, whose cache does not hold the activations of more."""
WIDTH = 3
"""Stds of a blur on each side of its middle."""


@dataclass(frozen=True, slots=True)
class Seen:
    """B frames, and the states of the world at them, by which encoders of states go.

    Attributes:
        frames: uint8 [B, H, W, 3].
        states: float32 [B, S]; None where there is no more than a picture.
    """

    frames: NDArray[np.uint8]
    states: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Codec:
    """An encoder between frames and whitened latents, at most `batch` of them at a time."""

    encoder: Encoder
    spec: LatentSpec
    batch: int

    def encode(
        self, frames: NDArray[np.uint8], states: NDArray[np.float32] | None = None
    ) -> Tensor:
        """Whitened latents [B, C, h, w] of frames uint8 [B, H, W, 3], or of states [B, S].

        Raises:
            UserError: the encoder takes states, and there are none.
        """
        if self.encoder.takes == "states" and states is not None:
            return self.spec.whiten(self.encoder.encode(torch.from_numpy(states)).mean.cpu())
        parts = self.spec.view.apply(frames).split(self._rows)
        means = [self.encoder.encode(part).mean.cpu() for part in parts]
        return self.spec.whiten(torch.cat(means))

    def decode(self, latents: Tensor) -> Tensor:
        """Frames uint8 [B, 3, H, W] of whitened latents [B, C, h, w]."""
        parts = self.spec.unwhiten(latents).split(self._rows)
        return torch.cat([self.encoder.decode(part).cpu() for part in parts])

    @property
    def _rows(self) -> int:
        return self.batch if pick().type == "cuda" else min(self.batch, ON_CPU)

    def pixels(self, frames: NDArray[np.uint8]) -> Tensor:
        """The part of frames uint8 [B, H, W, 3] that the encoder sees, [B, 3, H', W']."""
        return self.spec.view.apply(frames)


@dataclass(frozen=True, slots=True)
class Measure:
    """A space of features, and a metric on it.

    Attributes:
        of_latents: whitened latents [B, C, h, w] to features [B, ...].
        of_frames: frames to features [B, ...].
        metric: features [N, T, ...] and [N, 1, ...] to distances [N, T].
        error: the metric by which a plan is good enough.
    """

    of_latents: Callable[[Tensor], Tensor]
    of_frames: Callable[[Seen], Tensor]
    metric: Metric
    error: Metric


def squared_distance(frames: Tensor, goal: Tensor) -> Tensor:
    """Squared Euclidean distance of coordinates [N, T, D] and [N, 1, D], [N, T]."""
    return (frames - goal).square().sum(2)


def build_measure(options: Distance, codec: Codec, probe: Probe | None) -> Measure:
    """The measure that params.yaml describes; only `readout` needs a probe."""
    if options.metric == "pixels":
        return pixels(codec, options.blur)

    def latents(seen: Seen) -> Tensor:
        return codec.encode(seen.frames, seen.states)

    if options.metric == "readout":
        if probe is None:
            raise ValueError("readout: no probe")
        read = probe.coordinates
        return Measure(read, lambda seen: read(latents(seen)), squared_distance, squared_distance)
    metric = METRICS[options.metric]
    return Measure(
        lambda kept: kept, latents, metric, mse if options.metric == "sobolev" else metric
    )


def pixels(codec: Codec, blur: float) -> Measure:
    """Mean squared difference of blurred pixels, 0..1."""

    def blurred(frames: Tensor) -> Tensor:
        return gaussian_blur(frames.float() / 255, blur)

    return Measure(
        lambda latents: blurred(codec.decode(latents)),
        lambda seen: blurred(codec.pixels(seen.frames)),
        mse,
        mse,
    )


def gaussian_blur(images: Tensor, std: float) -> Tensor:
    """Images [B, C, H, W], each axis convolved with a Gaussian of `std` pixels; edges repeat."""
    if not std:
        return images
    radius = max(1, round(WIDTH * std))
    kernel = torch.exp(-torch.arange(-radius, radius + 1).float().square() / (2 * std**2))
    weights: list[float] = (kernel / kernel.sum()).tolist()
    blurred = functional.pad(images.contiguous(), (radius,) * 4, mode="replicate")
    for axis in (-1, -2):
        padded, size = blurred, blurred.shape[axis] - 2 * radius
        blurred = padded.narrow(axis, 0, size) * weights[0]
        for shift, weight in enumerate(weights[1:], 1):
            # A quarter of the time that a convolution takes, with the same bits.
            blurred.add_(padded.narrow(axis, shift, size), alpha=weight)
    return blurred
