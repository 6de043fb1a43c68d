"""Check a setting, and build what all variants share: network, objective, inputs."""

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
"""Kinds of action conditioning whose FLOPs `pipeline.tools.bench.baseline` knows."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """Inputs of every variant.

    Attributes:
        clean: latents [B, T, C, h, w], standard normal.
        noise: standard normal, of the same shape.
        level: int64 [B, T], 0..LEVELS - 1.
        actions: [B, T, A].
    """

    clean: Tensor
    noise: Tensor
    level: Tensor
    actions: Tensor


def check(setting: Setting) -> None:
    """Check that a setting can be timed.

    Raises:
        ParamsError: an unknown size or injection, a number out of range, or a context that leaves
            no frame to generate.
    """
    if setting.size not in SIZES:
        raise ParamsError(f"--size = {setting.size!r}: {did_you_mean(setting.size, SIZES)}")
    if setting.injection not in INJECTIONS:
        names = did_you_mean(setting.injection, INJECTIONS)
        raise ParamsError(f"--injection = {setting.injection!r}: {names}")
    at_least(1, patch=setting.patch, action_dim=setting.action_dim)
    at_least(1, batch=setting.batch, repeats=setting.repeats)
    at_least(2, frames=setting.frames)
    if isinstance(setting, Sampling):
        at_least(1, context=setting.context, steps=setting.steps)
    if isinstance(setting, Sampling) and setting.steps > LEVELS:
        raise ParamsError(f"--steps = {setting.steps} must be {LEVELS} or less")
    if isinstance(setting, Sampling) and setting.context >= setting.frames:
        raise ParamsError(
            f"--context = {setting.context} leaves no frame of --frames = {setting.frames} to "
            "generate; lower --context"
        )
    with torch.device("meta"):
        network(setting)


def network(setting: Setting) -> NanoWM:
    """The network, initialised as for training, on torch's default device."""
    size = Size(latent_shape=setting.latent, action_dim=setting.action_dim, frames=setting.frames)
    return build(
        published_options(setting.size, setting.patch, setting.injection, causal=True), size
    )


def velocity(device: torch.device) -> v.VPrediction:
    """The reference's objective, v-prediction, with its tables on a device."""
    options = v.Options(schedule="squared_cosine", zero_terminal_snr=True, shift=1.0)
    return v.VPrediction(options).to(device)


def randomised(network: NanoWM, generator: torch.Generator) -> NanoWM:
    """Randomise the weights of a network, whose output is 0 at initialisation (adaLN-zero).

    Scales of norms stay 1: with small ones, attention would be uniform.
    """
    norms = {id(m.weight) for m in network.modules() if isinstance(m, nn.RMSNorm)}
    for weight in network.parameters():
        if id(weight) not in norms:
            nn.init.normal_(weight, std=0.02, generator=generator)
    return network


def inputs(setting: Setting, generator: torch.Generator, device: torch.device) -> Inputs:
    """Draw a batch on the CPU, and move it to a device."""
    batch, frames = setting.batch, setting.frames
    shape = (batch, frames, *setting.latent)
    clean, noise = (torch.randn(shape, generator=generator) for _ in range(2))
    level = torch.randint(LEVELS, (batch, frames), generator=generator)
    actions = torch.randn(batch, frames, setting.action_dim, generator=generator)
    return Inputs(clean.to(device), noise.to(device), level.to(device), actions.to(device))
