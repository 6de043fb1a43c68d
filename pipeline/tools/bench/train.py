"""Timing an optimiser step: forward, loss of the velocity, backward, clipped gradients, AdamW."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.attention import sdpa_kernel
from torch.nn.utils import clip_grad_norm_

from pipeline.compute.compile import compiled
from pipeline.compute.device import autocast
from pipeline.denoisers.nanowm import NanoWM
from pipeline.diffusion import Weighting
from pipeline.diffusion.loss import frame_losses
from pipeline.errors import ParamsError
from pipeline.objectives import Objective
from pipeline.tools.bench import Setting, Training
from pipeline.tools.bench.baseline import assert_published_work, wasteful
from pipeline.tools.bench.matmul import peak_flops
from pipeline.tools.bench.profile import write_profile
from pipeline.tools.bench.results import BASELINE, BOUNDS, Results, rows
from pipeline.tools.bench.setting import Inputs, inputs, network, randomised, velocity
from pipeline.tools.bench.timing import interleaved
from pipeline.tools.machine import describe
from pipeline.train.memory.cost import count_flops
from pipeline.train.trainer import KERNELS

PER_FRAME = "modulation per frame"
RATE, CLIP = 1e-4, 1.0


def check(setting: Training, device: torch.device) -> None:
    """Refuse a kernel that a CPU does not have.

    Raises:
        ParamsError: it is asked for.
    """
    if setting.attention == "efficient" and device.type == "cpu":
        raise ParamsError("--attention = 'efficient' is for a GPU; choose auto, flash or math")


def run(setting: Training, device: torch.device, profile: Path | None = None) -> Results:
    """Time a training step with and without its savings, and profile one of ours if asked to.

    Raises:
        AssertionError: the baseline does other work than the reference, or loss or norm of the
            gradient differ at the same weights.
    """
    forward_work = assert_published_work(setting)
    generator = torch.Generator().manual_seed(0)
    ours = randomised(network(setting), generator).to(device)
    steps = variants(setting, ours, inputs(setting, generator, device), device)
    peak, counts = peak_flops(device, setting.precision), work(setting)
    with sdpa_kernel(KERNELS[setting.attention]):
        slow, fast = (step() for step in steps.values())
        apart = float(((fast - slow) / slow).abs().max())
        assert apart <= BOUNDS[setting.precision], f"loss or gradient differ by {apart:.1e}"
        timings = interleaved(steps, setting.repeats, device)
        if profile is not None:
            write_profile(steps[PER_FRAME], profile)
    patches = ours.grid[0] * ours.grid[1]
    figures = rows(timings, counts, setting.batch * setting.frames, patches, peak)
    gigaflops = round(forward_work / 1e9, 2)
    return Results("train", setting, describe(device), peak, gigaflops, apart, figures)


def variants(
    setting: Training, ours: NanoWM, fed: Inputs, device: torch.device
) -> dict[str, Callable[[], Tensor]]:
    """Training steps by name, the baseline's first; each has a network of its own to train."""
    networks = {BASELINE: wasteful(ours), PER_FRAME: ours}
    return {name: _stepper(each, setting, fed, device) for name, each in networks.items()}


def _stepper(
    network: NanoWM, setting: Training, fed: Inputs, device: torch.device
) -> Callable[[], Tensor]:
    optimiser = torch.optim.AdamW(network.parameters(), RATE, fused=setting.fused)
    answer = compiled(network, setting.compiled, "--compile")
    context = partial(autocast, device.type, setting.precision)
    return partial(_step, answer, optimiser, fed, velocity(device), context)


def _step(
    answer: Callable[[Tensor, Tensor, Tensor], Tensor],
    optimiser: torch.optim.Optimizer,
    fed: Inputs,
    objective: Objective,
    precision: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Tensor:
    """One step; loss and norm of the gradient before it, [2]."""
    noisy = objective.noised(fed.clean, fed.noise, fed.level)
    target = objective.target(fed.clean, fed.noise, fed.level)
    with precision():
        output = answer(noisy, fed.level, fed.actions)
    unweighted = Weighting(gamma=0, form="per_frame")
    loss = frame_losses(objective, output, target, fed.level, unweighted).mean()
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    norm = clip_grad_norm_((w for g in optimiser.param_groups for w in g["params"]), CLIP)
    optimiser.step()
    return torch.stack([loss.detach(), norm])


def work(setting: Setting) -> dict[str, int]:
    """Floating-point operations of each training step."""
    device = torch.device("meta")
    with device:
        ours = network(setting)
    fed, objective = inputs(setting, torch.Generator(), device), velocity(device)
    return {
        name: count_flops(
            partial(_step, each, torch.optim.AdamW(each.parameters()), fed, objective)
        )
        for name, each in {BASELINE: wasteful(ours), PER_FRAME: ours}.items()
    }
