"""AdamW, the course of its learning rate, and the average of the weights that it walks through."""

import math

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from pipeline.train import Options


def build(network: nn.Module, options: Options) -> torch.optim.AdamW:
    """AdamW with decoupled weight decay on all weights (Loshchilov & Hutter 2019, alg. 2)."""
    return torch.optim.AdamW(
        network.parameters(),
        options.learning_rate,
        betas=options.betas,
        weight_decay=options.weight_decay,
        fused=True,
    )


def learning_rate(step: int, options: Options) -> float:
    """Linear warm-up, then half a cosine down to `final_rate` of the peak, or the peak for good."""
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


def clear(optimiser: torch.optim.Optimizer, pieces: int) -> None:
    """No gradient so far; one that adds up over several pieces does so in memory of its own.

    Autograd keeps the first piece's gradient where the backward pass left it and adds to it there.
    A CUDA graph's replay would write the next piece's over it (pytorch/pytorch#169545).
    """
    optimiser.zero_grad(set_to_none=pieces == 1)
    if pieces > 1:
        for weight in (weight for group in optimiser.param_groups for weight in group["params"]):
            if weight.grad is None:
                weight.grad = torch.zeros_like(weight)


def clip(network: nn.Module, most: float | None) -> Tensor:
    """The norm of the gradient as it was, after scaling it down to `most` where it is larger."""
    norm = nn.utils.clip_grad_norm_(network.parameters(), math.inf if most is None else most)
    return norm.full_tensor() if isinstance(norm, DTensor) else norm


@torch.no_grad()
def follow(average: nn.Module, network: nn.Module, decay: float, step: int) -> None:
    """Move averaged weights towards a network's after its `step`-th step, from 0.

    An exponential moving average; (1 + n) / (10 + n) bounds its decay at first, lest it remember
    the random start (TensorFlow's `ExponentialMovingAverage` with `num_updates`).
    """
    weight = 1 - min(decay, (1 + step) / (10 + step))
    torch._foreach_lerp_(_local(average), _local(network), weight)


def _local(network: nn.Module) -> list[Tensor]:
    """What this process holds of each weight."""
    return [
        weight.to_local() if isinstance(weight, DTensor) else weight
        for weight in network.parameters()
    ]
