"""`wm bench`: speed of this implementation, timed against the reference's way of doing the same."""

from dataclasses import dataclass
from typing import Literal

from pipeline.compute.compile_mode import Mode
from pipeline.compute.precision import Precision


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A causal NanoWM, and the batch that it is timed on."""

    size: str
    """A name among `pipeline.denoisers.nanowm.SIZES`."""
    patch: int
    injection: str
    """Action conditioning: a name among `pipeline.tools.bench.setting.INJECTIONS`."""
    latent: tuple[int, int, int]
    """Channels, height, width."""
    action_dim: int
    frames: int
    """Length of the window."""
    batch: int
    """Windows."""
    repeats: int
    """Timed runs of every variant, after one warm-up."""
    compiled: Mode
    """torch.compile mode of every variant."""
    precision: Precision
    """Of the network's matrix products."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling(Setting):
    """Setting of `wm bench sampler`."""

    context: int
    """Context frames; the others are generated, one after the other."""
    steps: int
    """Denoising steps a frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Training(Setting):
    """Setting of `wm bench train`."""

    attention: Literal["auto", "flash", "efficient", "math"]
    """Kernel of scaled_dot_product_attention; auto is torch's own choice."""
    fused: bool
    """Whether AdamW is torch's fused kernel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caching(Setting):
    """Setting of `wm bench cached`; frames are encoded in float32, as the reference does."""

    pixels: int
    """Side of a frame in pixels."""
    widths: tuple[int, ...]
    """Channels of the autoencoder's levels; every level but the last halves the side."""
    onednn: bool
    """Whether oneDNN computes float32 products; see `pipeline.tools.bench.matmul`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Searching(Setting):
    """Setting of `wm bench futures`; `batch` is how many candidates are timed, in one batch."""

    pixels: int
    """Side of the frame that is encoded, in pixels; 0 for none."""
    widths: tuple[int, ...]
    """Channels of the autoencoder's levels; every level but the last halves the side."""
    candidates: int
    """Of a round: what the timed ones take is multiplied up to it, for every variant alike."""
    horizon: int
    """Frames of a plan."""
    reference_steps: int
    """Denoising steps of the reference, all frames at once."""
    steps: tuple[int, ...]
    """Denoising steps a frame of ours, one frame after the other; a variant each."""
