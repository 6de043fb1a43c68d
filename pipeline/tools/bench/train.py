"""Time a training step: forward, v-prediction loss, backward, gradient clipping, AdamW."""

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
from pipeline.tools.bench.baseline import assert_reference_flops, baseline_network
from pipeline.tools.bench.matmul import peak_flops
from pipeline.tools.bench.profile import write_profile
from pipeline.tools.bench.results import BASELINE, BOUNDS, Results, rows
from pipeline.tools.bench.setting import Inputs, inputs, network, randomised, velocity
from pipeline.tools.bench.timing import interleaved
from pipeline.tools.machine import describe
from pipeline.train.kernels import KERNELS
from pipeline.train.memory.cost import count_flops

PER_FRAME = "modulation per frame"
LEARNING_RATE, CLIP_NORM = 1e-4, 1.0


def check(setting: Training, device: torch.device) -> None:
    """Check that the device has the attention kernel.

    Raises:
        ParamsError: the kernel needs a GPU.
    """
    if setting.attention == "efficient" and device.type == "cpu":
        raise ParamsError("--attention = 'efficient' needs a GPU; choose auto, flash or math")


def run(setting: Training, device: torch.device, profile: Path | None = None) -> Results:
    """Time a training step of every variant, in turn, and profile one of ours to `profile`.

    Raises:
        AssertionError: the FLOPs of the baseline are not the reference's, or loss or gradient norm
            differ at the same weights.
    """
    forward_work = assert_reference_flops(setting)
    generator = torch.Generator().manual_seed(0)
    ours = randomised(network(setting), generator).to(device)
    steps = variants(setting, ours, inputs(setting, generator, device), device)
    peak, counts = peak_flops(device, setting.precision), work(setting)
    with sdpa_kernel(KERNELS[setting.attention]):
        slow, fast = (step() for step in steps.values())
        difference = float(((fast - slow) / slow).abs().max())
        assert difference <= BOUNDS[setting.precision], (
            f"loss or gradient differ by {difference:.1e}"
        )
        timings = interleaved(steps, setting.repeats, device)
        if profile is not None:
            write_profile(steps[PER_FRAME], profile)
    patches = ours.grid[0] * ours.grid[1]
    figures = rows(timings, counts, setting.batch * setting.frames, patches, peak)
    gigaflops = round(forward_work / 1e9, 2)
    return Results("train", setting, describe(device), peak, gigaflops, difference, figures)


def variants(
    setting: Training, ours: NanoWM, batch: Inputs, device: torch.device
) -> dict[str, Callable[[], Tensor]]:
    """Training steps by name, the baseline first; each trains a network of its own."""
    networks = {BASELINE: baseline_network(ours), PER_FRAME: ours}
    return {name: _stepper(each, setting, batch, device) for name, each in networks.items()}


def _stepper(
    network: NanoWM, setting: Training, batch: Inputs, device: torch.device
) -> Callable[[], Tensor]:
    optimiser = torch.optim.AdamW(network.parameters(), LEARNING_RATE, fused=setting.fused)
    forward = compiled(network, setting.compiled, "--compile")
    context = partial(autocast, device.type, setting.precision)
    return partial(_step, forward, optimiser, batch, velocity(device), context)


def _step(
    forward: Callable[[Tensor, Tensor, Tensor], Tensor],
    optimiser: torch.optim.Optimizer,
    batch: Inputs,
    objective: Objective,
    precision: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Tensor:
    """One training step; returns loss and gradient norm, [2]."""
    noisy = objective.noised(batch.clean, batch.noise, batch.level)
    target = objective.target(batch.clean, batch.noise, batch.level)
    with precision():
        output = forward(noisy, batch.level, batch.actions)
    unweighted = Weighting(gamma=0, form="per_frame")
    loss = frame_losses(objective, output, target, batch.level, unweighted).mean()
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    norm = clip_grad_norm_((w for g in optimiser.param_groups for w in g["params"]), CLIP_NORM)
    optimiser.step()
    return torch.stack([loss.detach(), norm])


def work(setting: Setting) -> dict[str, int]:
    """FLOPs of a training step of each variant."""
    device = torch.device("meta")
    with device:
        ours = network(setting)
    batch, objective = inputs(setting, torch.Generator(), device), velocity(device)
    return {
        name: count_flops(
            partial(_step, each, torch.optim.AdamW(each.parameters()), batch, objective)
        )
        for name, each in {BASELINE: baseline_network(ours), PER_FRAME: ours}.items()
    }
