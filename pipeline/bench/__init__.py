"""`wm bench`: how much time this implementation saves, measured against the same work unsaved."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is timed: a causal NanoWM and the batch that it is fed."""

    size: str
    """A name among `pipeline.train.denoisers.nanowm.SIZES`."""
    patch: int
    injection: str
    """How actions enter: a name among `pipeline.bench.setting.INJECTIONS`."""
    latent: tuple[int, int, int]
    """Channels, height, width."""
    action_dim: int
    frames: int
    """Length of the window."""
    batch: int
    repeats: int
    """How often every variant is timed, after one warm-up."""
    compiled: bool
    """Whether every variant is compiled by torch.compile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling(Setting):
    """The same, with the samples to draw."""

    context: int
    """Frames given; the others are generated, one after the other."""
    steps: int
    """Denoising steps of a frame."""
