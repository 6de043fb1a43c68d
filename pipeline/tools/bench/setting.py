"""Checking a setting, and making of it what every variant shares: network, objective, inputs."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pipeline.denoisers import Size
from pipeline.denoisers.nanowm import SIZES, NanoWM, build, published_options
from pipeline.errors import ParamsError, did_you_mean
from pipeline.noise.process import LEVELS
from pipeline.objectives import v
from pipeline.tools.bench import Sampling, Setting
from pipeline.tools.tables import at_least

INJECTIONS = ("additive", "adaln", "adaln_fuse", "film")
"""Those whose published work `pipeline.tools.bench.baseline` knows."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a bench feeds to every variant alike.

    Attributes:
        clean: latents [B, T, C, h, w], standard normal.
        noise: of the same shape.
        level: int64 [B, T], 0..LEVELS - 1.
        actions: [B, T, A].
    """

    clean: Tensor
    noise: Tensor
    level: Tensor
    actions: Tensor


def check(setting: Setting) -> None:
    """Refuse what cannot be timed.

    Raises:
        ParamsError: an unknown size or injection, a number out of range, or a context that leaves
            no frame to generate.
    """
    if setting.size not in SIZES:
        raise ParamsError(f"--size = {setting.size!r}: {did_you_mean(setting.size, SIZES)}")
    if setting.injection not in INJECTIONS:
        known = did_you_mean(setting.injection, INJECTIONS)
        raise ParamsError(f"--injection = {setting.injection!r}: {known}")
    at_least(1, patch=setting.patch, action_dim=setting.action_dim)
    at_least(1, batch=setting.batch, repeats=setting.repeats)
    at_least(2, frames=setting.frames)
    if isinstance(setting, Sampling):
        at_least(1, context=setting.context, steps=setting.steps)
    if isinstance(setting, Sampling) and setting.steps > LEVELS:
        raise ParamsError(f"--steps = {setting.steps} must be {LEVELS} or less")
    if isinstance(setting, Sampling) and setting.context >= setting.frames:
        raise ParamsError(
            f"--context = {setting.context} leaves nothing to generate in --frames = "
            f"{setting.frames}; lower it"
        )
    with torch.device("meta"):
        network(setting)


def network(setting: Setting) -> NanoWM:
    """The network, freshly initialised, on torch's default device."""
    size = Size(latent_shape=setting.latent, action_dim=setting.action_dim, frames=setting.frames)
    return build(
        published_options(setting.size, setting.patch, setting.injection, causal=True), size
    )


def velocity(device: torch.device) -> v.VPrediction:
    """The published objective, its tables on a device."""
    options = v.Options(schedule="squared_cosine", zero_terminal_snr=True, shift=1.0)
    return v.VPrediction(options).to(device)


def randomised(network: NanoWM, generator: torch.Generator) -> NanoWM:
    """The network with weights that answer: a fresh one's gates are shut, and its output is 0.

    The norms keep their ones, lest all queries and keys be alike and nothing hang on the places.
    """
    norms = {id(m.weight) for m in network.modules() if isinstance(m, nn.RMSNorm)}
    for weight in network.parameters():
        if id(weight) not in norms:
            nn.init.normal_(weight, std=0.02, generator=generator)
    return network


def inputs(setting: Setting, generator: torch.Generator, device: torch.device) -> Inputs:
    """A batch, drawn on the generator's device."""
    batch, frames = setting.batch, setting.frames
    shape = (batch, frames, *setting.latent)
    clean, noise = (torch.randn(shape, generator=generator) for _ in range(2))
    level = torch.randint(LEVELS, (batch, frames), generator=generator)
    actions = torch.randn(batch, frames, setting.action_dim, generator=generator)
    return Inputs(clean.to(device), noise.to(device), level.to(device), actions.to(device))
