"""AdamW, its learning rate schedule, gradient clipping and the EMA of the weights."""

import math

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from pipeline.compute.adamw import AdamW
from pipeline.train import TrainerOptions


def build(network: nn.Module, options: TrainerOptions) -> AdamW:
    """AdamW with decoupled weight decay on all weights (Loshchilov & Hutter 2019, alg. 2)."""
    return AdamW(
        network.parameters(),
        options.learning_rate,
        betas=options.betas,
        weight_decay=options.weight_decay,
        fused=True,
    )


def learning_rate(step: int, options: TrainerOptions) -> float:
    """Linear warm-up, then constant or half a cosine down to `final_rate` of the peak."""
    if step < options.warmup:
        return options.learning_rate * (step + 1) / options.warmup
    if options.schedule == "constant":
        return options.learning_rate
    progress = (step - options.warmup) / max(options.steps - options.warmup, 1)
    share = options.final_rate + (1 - options.final_rate) * (1 + math.cos(math.pi * progress)) / 2
    return options.learning_rate * share


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
