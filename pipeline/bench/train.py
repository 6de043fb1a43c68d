"""Timing an optimiser step: forward, loss of the velocity, backward, clipped gradients, AdamW."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from pipeline.bench import Setting
from pipeline.bench.baseline import assert_published_work, wasteful
from pipeline.bench.machine import describe, precision, tolerance
from pipeline.bench.results import BASELINE, Results, rows
from pipeline.bench.setting import Inputs, inputs, network, randomised, velocity
from pipeline.bench.timing import interleaved
from pipeline.train import Weighting
from pipeline.train.cost import counted
from pipeline.train.denoisers.nanowm import NanoWM
from pipeline.train.loss import frame_losses
from pipeline.train.objectives import Objective

PER_FRAME = "modulation per frame"
RATE, CLIP = 1e-4, 1.0


def run(setting: Setting, device: torch.device) -> Results:
    """Time a training step with and without its savings.

    Raises:
        AssertionError: the baseline does other work than the reference, or loss or norm of the
            gradient differ at the same weights.
    """
    forward_work = assert_published_work(setting)
    generator = torch.Generator().manual_seed(0)
    ours = randomised(network(setting), generator).to(device)
    steps = variants(setting, ours, inputs(setting, generator, device), device)
    slow, fast = (step() for step in steps.values())
    difference = float(((fast - slow) / slow).abs().max())
    assert difference <= tolerance(device), f"loss or gradient differ by {difference:.1e}"
    machine, work = describe(device), _work(setting)
    timings = interleaved(steps, setting.repeats, device)
    patches = ours.grid[0] * ours.grid[1]
    figures = rows(timings, work, setting.batch * setting.frames, patches, machine.ceiling)
    return Results("train", setting, machine, round(forward_work / 1e9, 2), difference, figures)


def variants(
    setting: Setting, ours: NanoWM, fed: Inputs, device: torch.device
) -> dict[str, Callable[[], Tensor]]:
    """Training steps by name, the baseline's first; each has a network of its own to train."""
    networks = {BASELINE: wasteful(ours), PER_FRAME: ours}
    return {name: _stepper(each, setting, fed, device) for name, each in networks.items()}


def _stepper(
    network: NanoWM, setting: Setting, fed: Inputs, device: torch.device
) -> Callable[[], Tensor]:
    optimiser = torch.optim.AdamW(network.parameters(), RATE)
    answer = torch.compile(network) if setting.compiled else network
    return partial(_step, answer, optimiser, fed, velocity(device), device)


def _step(
    answer: Callable[[Tensor, Tensor, Tensor], Tensor],
    optimiser: torch.optim.Optimizer,
    fed: Inputs,
    objective: Objective,
    device: torch.device,
) -> Tensor:
    """One step; loss and norm of the gradient before it, [2]."""
    noisy = objective.noised(fed.clean, fed.noise, fed.level)
    target = objective.target(fed.clean, fed.noise, fed.level)
    with precision(device):
        output = answer(noisy, fed.level, fed.actions)
    unweighted = Weighting(gamma=0, form="per_frame")
    loss = frame_losses(objective, output, target, fed.level, unweighted).mean()
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    norm = clip_grad_norm_((w for g in optimiser.param_groups for w in g["params"]), CLIP)
    optimiser.step()
    return torch.stack([loss.detach(), norm])


def _work(setting: Setting) -> dict[str, int]:
    """Floating-point operations of each training step."""
    device, plain = torch.device("meta"), replace(setting, compiled=False)
    with device:
        ours = network(plain)
    fed = inputs(plain, torch.Generator(), device)
    return {name: counted(step) for name, step in variants(plain, ours, fed, device).items()}
