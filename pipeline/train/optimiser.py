"""AdamW, its learning rate schedule, gradient clipping and the EMA of the weights."""

import math

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from pipeline.compute.adamw import AdamW
from pipeline.train import TrainerOptions

LARGEST = 2.0
"""Of a learning rate times a width. NanoWM 192 wide ends 300 steps with losses of .050 at 1.9 and
.052 at .6; 384 wide, 200 steps with .148 at 3.8 and .061 at 1.0."""


def build(network: nn.Module, options: TrainerOptions) -> AdamW:
    """AdamW with decoupled weight decay on all weights (Loshchilov & Hutter 2019, alg. 2)."""
    betas, decay = options.betas, options.weight_decay
    return AdamW(network.parameters(), options.learning_rate, betas, decay)


def learning_rate(step: int, options: TrainerOptions) -> float:
    """Linear warm-up, then constant or half a cosine down to `final_rate` of the peak."""
    if step < options.warmup:
        return options.learning_rate * (step + 1) / options.warmup
    if options.schedule == "constant":
        return options.learning_rate
    progress = (step - options.warmup) / max(options.steps - options.warmup, 1)
    share = options.final_rate + (1 - options.final_rate) * (1 + math.cos(math.pi * progress)) / 2
    return options.learning_rate * share


def remark(network: nn.Module, rate: float) -> str | None:
    """One line on a learning rate that is too high for so wide a network; None on others.

    What trains well falls as 1 / width (Yang et al. 2022, tab. 3), which is the largest number of
    features that a matrix keeps.
    """
    matrices = (weight for weight in network.parameters() if weight.ndim == 2)
    width = max((min(matrix.shape) for matrix in matrices), default=0)
    if rate * width <= LARGEST:
        return None
    return (
        f"train.learning_rate = {rate:g} suits networks of about 100 features, and this one has "
        f"{width}: it learns slowly; try {LARGEST / 2 / width:.1g}, or the 1e-4 of "
        "the published models"
    )


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """The learning rate of the next step."""
    for group in optimiser.param_groups:
        group["lr"] = rate


def zero_grad(optimiser: torch.optim.Optimizer, micro_batches: int) -> None:
    """Reset gradients; those of several micro-batches accumulate in preallocated tensors.

    Autograd would keep the first micro-batch's gradient where the backward pass left it and add to
    it there; a CUDA graph's replay would overwrite it (pytorch/pytorch#169545).
    """
    optimiser.zero_grad(set_to_none=micro_batches == 1)
    if micro_batches > 1:
        for weight in (weight for group in optimiser.param_groups for weight in group["params"]):
            if weight.grad is None:
                weight.grad = torch.zeros_like(weight)


def clip_grad_norm(network: nn.Module, max_norm: float | None) -> Tensor:
    """Scale the gradient down to `max_norm` where it is larger; returns its norm before.

    Of a sharded network the norm is sharded too, see `Group.whole`.
    """
    return nn.utils.clip_grad_norm_(
        network.parameters(), math.inf if max_norm is None else max_norm
    )


def averaged(network: nn.Module, decay: float) -> AveragedModel:
    """An exponential moving average (EMA) of a network's weights, to be updated after each step.

    The decay warms up as min(decay, (1 + step) / (10 + step)), steps counted from 0, so that the
    random initialisation is forgotten soon (TensorFlow's `ExponentialMovingAverage` with
    `num_updates`).
    """

    def update(
        ema: tuple[Tensor, ...] | list[Tensor],
        weights: tuple[Tensor, ...] | list[Tensor],
        _: object,
    ) -> None:
        step = int(average.n_averaged) - 1  # on the CPU: the argument is on the GPU
        torch._foreach_lerp_(ema, weights, 1 - min(decay, (1 + step) / (10 + step)))

    average = AveragedModel(network, multi_avg_fn=update)
    count_averaged(average, 0)
    return average.requires_grad_(False)


def count_averaged(average: AveragedModel, steps: int) -> None:
    """Set how many steps an EMA has averaged; the initial weights count as one more model."""
    average.n_averaged.fill_(steps + 1)
