"""`wm bench`: how much time this implementation saves, measured against the same work unsaved."""

from dataclasses import dataclass
from typing import Literal

from pipeline.compute.compile_mode import Mode
from pipeline.compute.precision import Precision


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is timed: a causal NanoWM and the batch that it is fed."""

    size: str
    """A name among `pipeline.denoisers.nanowm.SIZES`."""
    patch: int
    injection: str
    """How actions enter: a name among `pipeline.tools.bench.setting.INJECTIONS`."""
    latent: tuple[int, int, int]
    """Channels, height, width."""
    action_dim: int
    frames: int
    """Length of the window."""
    batch: int
    repeats: int
    """How often every variant is timed, after one warm-up."""
    compiled: Mode
    """By which mode of torch.compile every variant is."""
    precision: Precision
    """Of the network's products."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling(Setting):
    """The same, with the samples to draw."""

    context: int
    """Frames given; the others are generated, one after the other."""
    steps: int
    """Denoising steps of a frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Training(Setting):
    """The same, with how it is computed."""

    attention: Literal["auto", "flash", "efficient", "math"]
    """Kernel of scaled_dot_product_attention; auto is the fastest that can."""
    fused: bool
    """Whether AdamW moves all weights in one kernel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caching(Setting):
    """The same, with the frames that its latents are made of, in float32 as published."""

    pixels: int
    """Side of a frame."""
    widths: tuple[int, ...]
    """Of the autoencoder's levels, each of which but the last halves the side."""
    onednn: bool
    """Whether oneDNN computes float32 products; see `pipeline.tools.bench.matmul`."""
