"""What training a denoiser costs: its weights, its work and its memory, found by computing nothing.

The network runs on tensors without data, whose shapes, types and lifetimes are the real ones.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from pipeline.compute import device
from pipeline.compute.precision import Precision
from pipeline.denoisers import Denoiser, Size
from pipeline.diffusion.config import VariantConfig, build_denoiser
from pipeline.train.memory.peak import Footprint

FLOAT = 4
"""Bytes of a float32."""
TRAINING = 3
"""Operations of a training step in forward passes: one there, two back."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one denoiser costs, fed with windows of one size.

    Attributes:
        parameters: number of weights, all float32.
        forward_flops: floating-point operations (2 a multiply-add) of a clip's forward pass, of
            its matrix products and attention alone; causal attention counts whole.
        recomputed: whether the forward pass of its blocks is computed again for the backward pass.
        activation_bytes: the most that passing a piece of a batch forward and backward holds at
            once, beside weights and their gradients.
    """

    parameters: int
    forward_flops: int
    recomputed: bool
    activation_bytes: int

    @property
    def training_flops(self) -> int:
        """Of a clip: the backward pass is worth two forward passes, and one may be repeated."""
        return self.forward_flops * (TRAINING + self.recomputed)


def measure(
    denoiser: VariantConfig, size: Size, *, clips: int, checkpointing: bool, precision: Precision
) -> Cost:
    """What it costs to train a denoiser, in pieces of `clips` windows.

    By eager torch with a fused kernel of attention, the lifetimes of tensors as on the CPU, whose
    autocast is taken for a GPU's: a compiled network keeps less, attention by `math` more.
    """
    return Cost(
        parameters=parameters(denoiser, size),
        forward_flops=forward_flops(denoiser, size),
        recomputed=checkpointing,
        activation_bytes=_held(denoiser, size, clips, checkpointing, precision),
    )


def parameters(denoiser: VariantConfig, size: Size) -> int:
    """Number of its weights."""
    return _weights_and_work(denoiser.model_dump_json(), size)[0]


def forward_flops(denoiser: VariantConfig, size: Size) -> int:
    """Floating-point operations of one clip's forward pass; see `Cost`."""
    return _weights_and_work(denoiser.model_dump_json(), size)[1]


@cache
def _weights_and_work(denoiser: str, size: Size) -> tuple[int, int]:
    with torch.device("meta"), torch.no_grad():
        network = build_denoiser(VariantConfig.model_validate_json(denoiser), size)
        work = counted(lambda: _forward(network, size, 1))
    return sum(weight.numel() for weight in network.parameters()), work


def counted(work: Callable[[], object]) -> int:
    """Floating-point operations that torch counts while something runs.

    On the meta device nothing is computed, and attention is counted; on the CPU its kernel is not.
    """
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


def _held(
    denoiser: VariantConfig,
    size: Size,
    clips: int,
    activation_checkpointing: bool,
    precision: Precision,
) -> int:
    """Most bytes alive at once in a forward and backward pass, beside weights and gradients."""
    with FakeTensorMode():
        network = build_denoiser(denoiser, size)
        network.activation_checkpointing = activation_checkpointing
        for weight in network.parameters():
            weight.register_post_accumulate_grad_hook(_drop_gradient)
        with Footprint([*network.parameters(), *network.buffers()]) as footprint:
            with device.products("cpu", precision):
                output = _forward(network, size, clips)
            output.float().square().sum().backward()
    return footprint.peak


def _forward(network: Denoiser, size: Size, clips: int) -> Tensor:
    """Pass clips of zeros through, on torch's default device."""
    noisy = torch.zeros(clips, size.frames, *size.latent_shape)
    level = torch.zeros(clips, size.frames, dtype=torch.int64)
    return network(noisy, level, torch.zeros(clips, size.frames, size.action_dim))


def _drop_gradient(weight: Tensor) -> None:
    weight.grad = None
