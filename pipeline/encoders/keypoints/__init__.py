"""Keypoints: a frame is where its few moving things are, one token for a model to predict.

Latents are coordinates, so their squared error grows with the way that a thing still has to go; a
patch of pixels knows only whether it overlaps. For a fixed camera: what never moves is in the mean
picture. Sources: Jakab et al. 2018, Minderer et al. 2019 (see `networks`).
"""

from pathlib import Path
from typing import Annotated, Self

import torch
from pydantic import Field
from safetensors.torch import save_file
from torch import Tensor, nn

from pipeline import stage
from pipeline.compute.optimiser import Optimiser
from pipeline.encoders import REMEDY, Posterior
from pipeline.encoders._shared.pixels import PixelDecoder, to_float
from pipeline.encoders.keypoints.networks import CELL, GROUPS, Painter, Points
from pipeline.encoders.keypoints.weighting import colour_weights, weigh
from pipeline.errors import ParamsError, UserError
from pipeline.files.tensors import read_tensors
from pipeline.params import Params
from pipeline.weights.state_dict import differences

FILE = "model.safetensors"


class Options(Params):
    """Number of keypoints, the networks that find and paint them, and their training."""

    keypoints: int = Field(gt=0, le=2**12)
    width: Annotated[int, Field(gt=0, le=2**12, multiple_of=GROUPS)]
    spread: float = Field(gt=0, description="std of a keypoint's Gaussian, in cells of 4 pixels")
    moving: float = Field(
        ge=0, description="how much more a pixel counts the more it differs from the mean picture"
    )
    rarity: float = Field(
        ge=0, le=1, description="rare colours count more, by their share to minus this power"
    )
    steps: int = Field(gt=0)
    batch: int = Field(gt=0)
    learning_rate: float = Field(gt=0)

    def latent_grid(self, height: int, width: int) -> tuple[int, int]:
        """1, 1: the keypoints of frames of this size in pixels are channels.

        Raises:
            ParamsError: cells of 4 pixels do not tile the frames.
        """
        if height % CELL or width % CELL:
            raise ParamsError(
                f"encoder = keypoints takes frames of cells of {CELL} x {CELL} pixels, but these "
                f"are {height} x {width}; set datasets.NAME.resolution to multiples of {CELL}"
            )
        return 1, 1


def fit(frames: Tensor, options: Options, seed: int) -> "Keypoints":
    """Train on frames uint8 [N, 3, H, W] with Adam on the weighted squared error of pixels.

    Raises:
        ParamsError: cells of 4 pixels do not tile the frames.
    """
    options.latent_grid(*frames.shape[2:])
    mean = to_float(frames.double().mean(0))
    weights = colour_weights(frames, options.rarity)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # layers are initialised from the global generator
        networks = Networks(mean, options)
    generator = torch.Generator().manual_seed(seed)
    optimiser = Optimiser(networks.parameters(), options.learning_rate, options.steps)
    for _ in stage.track(range(options.steps), "fit keypoints"):
        chosen = frames[torch.randint(len(frames), (options.batch,), generator=generator)]
        pixels = to_float(chosen)
        weight = weigh(chosen, pixels - mean, weights, options.moving)
        optimiser.step((weight * (networks(pixels) - pixels).square()).mean())
    return Keypoints(networks)


def load(folder: Path, options: Options) -> "Keypoints":
    """Read what `save` wrote.

    Raises:
        ValueError: its tensors do not match the options.
    """
    tensors = read_tensors(folder / FILE, REMEDY)
    mean = tensors.get("mean", torch.zeros(3, CELL, CELL))
    if mean.ndim != 3 or len(mean) != 3 or mean.shape[1] % CELL or mean.shape[2] % CELL:
        raise ValueError(f"{FILE}: mean is {list(mean.shape)}, not the picture of a frame")
    networks = Networks(torch.zeros(mean.shape), options)
    if wrong := differences(networks.state_dict(), tensors):
        raise ValueError(f"{FILE}: {'; '.join(wrong)}")
    networks.load_state_dict(tensors)
    return Keypoints(networks)


class Networks(nn.Module):
    """What finds keypoints in what differs from the mean picture, and what paints them onto it."""

    mean: Tensor

    def __init__(self, mean: Tensor, options: Options) -> None:
        """For frames with this mean picture [3, H, W]; initialise from the global generator."""
        super().__init__()
        self.register_buffer("mean", mean)
        size = mean.shape[1], mean.shape[2]
        self.points = Points(size, options.keypoints, options.width)
        self.painter = Painter(size, options.keypoints, options.width, options.spread)

    def find(self, pixels: Tensor) -> Tensor:
        """Pixels in -1..1, [B, 3, H, W], to keypoints y, x in -1..1, [B, K, 2]."""
        found: Tensor = self.points(pixels - self.mean)
        return found

    def paint(self, points: Tensor) -> Tensor:
        """Keypoints y, x in -1..1, [B, K, 2], to pixels around -1..1, [B, 3, H, W]."""
        change: Tensor = self.painter(points)
        return change + self.mean

    def forward(self, pixels: Tensor) -> Tensor:
        """Pixels in -1..1, [B, 3, H, W], as their keypoints show them."""
        return self.paint(self.find(pixels))


class Keypoints(PixelDecoder):
    """Latents are the y and x of K keypoints in -1..1, [2 K, 1, 1]."""

    stochastic = False
    published_scale = None
    decoder_kind = "own"

    def __init__(self, networks: "Networks") -> None:
        """Keep the trained networks."""
        self.networks = networks.requires_grad_(False).eval()

    def to(self, device: torch.device) -> Self:
        """Move to a device."""
        self.networks.to(device)
        return self

    def encode(self, frames: Tensor) -> Posterior:
        """Frames uint8 [B, 3, H, W] to keypoints [B, 2 K, 1, 1].

        Raises:
            UserError: it was fitted to frames of another size.
        """
        mean = self.networks.mean
        if frames.shape[2:] != mean.shape[1:]:
            fitted, given = (" x ".join(map(str, s[-2:])) for s in (mean.shape, frames.shape))
            raise UserError(f"frames are {given}, but these keypoints were fitted to {fitted}")
        points = self.networks.find(to_float(frames.to(mean.device)))
        return Posterior(points.flatten(1)[..., None, None], None)

    def pixels(self, latents: Tensor) -> Tensor:
        """Keypoints [B, 2 K, 1, 1] to pixels [B, 3, H, W] around -1..1."""
        points = latents.to(self.networks.mean.device).flatten(1).unflatten(1, (-1, 2))
        return self.networks.paint(points)

    def save(self, folder: Path) -> None:
        """Write model.safetensors."""
        save_file(
            {name: tensor.contiguous() for name, tensor in self.networks.state_dict().items()},
            folder / FILE,
        )
