"""Cost of training a denoiser: parameters, FLOPs and activation memory.

A small network runs for it on zeros, with a few clips. A large one runs on fake tensors, whose
shapes, types and lifetimes are the real ones: nothing is computed, but they import torch.compile's
front end.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache
from math import prod

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from pipeline.compute import device
from pipeline.compute.precision import Precision
from pipeline.denoisers import Denoiser, Size
from pipeline.diffusion.config import VariantConfig, build_denoiser
from pipeline.train.memory import TRAINING
from pipeline.train.memory.flops import Flops
from pipeline.train.memory.peak import Footprint
from pipeline.weights.shapes import shapes_alone

FLOAT = 4
"""Bytes of a float32."""
SMALL = 5e9
"""Products of a weight and a token up to which a network is run: it takes a tenth of a second."""
FEW = 4
"""Clips from which the activations of more are known."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of one denoiser on windows of one size.

    Attributes:
        parameters: number of weights, all float32.
        forward_flops: floating-point operations (2 a multiply-add) of a clip's forward pass, only
            matrix products and attention; causal attention counts as full attention.
        activation_checkpointing: whether the backward pass repeats the forward pass of blocks.
        activation_bytes: peak of a micro-batch's forward and backward pass, without weights and
            their gradients.
    """

    parameters: int
    forward_flops: int
    activation_checkpointing: bool
    activation_bytes: int

    @property
    def training_flops(self) -> int:
        """Of a clip: the backward pass costs two forward passes, one more with checkpointing."""
        return self.forward_flops * (TRAINING + self.activation_checkpointing)


def measure(
    denoiser: VariantConfig,
    size: Size,
    *,
    clips: int,
    streams: int,
    checkpointing: bool,
    precision: Precision,
) -> Cost:
    """Cost of training a denoiser with micro-batches of `clips` windows.

    For eager mode and a fused attention kernel, with tensor lifetimes and autocast as on the CPU: a
    compiled network keeps fewer activations, attention by `math` more. `streams` is 2 where clean
    frames run beside the noisy ones, else 1.
    """
    both = streams > 1

    def peak(clips: int) -> int:
        return _peak_bytes(denoiser, size, clips, checkpointing, precision, both=both)

    # Run with data, all clips would take more memory than training itself.
    extrapolates = _is_small(denoiser, size, FEW)
    return Cost(
        parameters=parameters(denoiser, size),
        forward_flops=streams * forward_flops(denoiser, size),
        activation_checkpointing=checkpointing,
        activation_bytes=_of_many(peak, clips) if extrapolates else peak(clips),
    )


def parameters(denoiser: VariantConfig, size: Size) -> int:
    """Number of weights."""
    return _weights_and_tokens(denoiser.model_dump_json(), size)[0]


def forward_flops(denoiser: VariantConfig, size: Size) -> int:
    """Floating-point operations of one clip's forward pass, counted as in `Cost`."""
    return _flops(denoiser.model_dump_json(), size)


@cache
def _weights_and_tokens(denoiser: str, size: Size) -> tuple[int, int]:
    """Numbers of weights, and of tokens of a clip."""
    with shapes_alone():
        shapes = build_denoiser(VariantConfig.model_validate_json(denoiser), size)
    weights = sum(weight.numel() for weight in shapes.parameters())
    return weights, size.frames * prod(shapes.grid)


@cache
def _flops(denoiser: str, size: Size) -> int:
    variant = VariantConfig.model_validate_json(denoiser)
    with _built(variant, size, 1, shapes_alone) as network, torch.no_grad():
        return count_flops(lambda: _forward(network, size, 1))


def count_flops(function: Callable[[], object]) -> int:
    """Floating-point operations of a call; on the meta device nothing is computed."""
    with Flops() as counter:
        function()
    return counter.total


def _of_many(peak: Callable[[int], int], clips: int) -> int:
    """Peak bytes with so many clips, each of which from the second on adds as many bytes."""
    if clips <= FEW:
        return peak(clips)
    half, few = peak(FEW // 2), peak(FEW)
    return few + (clips - FEW) * (few - half) // (FEW - FEW // 2)


def _peak_bytes(
    denoiser: VariantConfig,
    size: Size,
    clips: int,
    checkpointing: bool,
    precision: Precision,
    *,
    both: bool,
) -> int:
    """Peak bytes of a forward and backward pass, without weights and gradients."""
    with _built(denoiser, size, clips, FakeTensorMode) as network:
        network.activation_checkpointing = checkpointing
        for weight in network.parameters():
            weight.register_post_accumulate_grad_hook(_drop_gradient)
        with Footprint([*network.parameters(), *network.buffers()]) as footprint:
            with device.autocast("cpu", precision):
                output = _forward(network, size, clips, both=both)
            output.float().square().sum().backward()
    return footprint.peak


@contextmanager
def _built(
    denoiser: VariantConfig,
    size: Size,
    clips: int,
    without_data: Callable[[], AbstractContextManager[object]],
) -> Iterator[Denoiser]:
    """A network that can run on `clips` clips; a large one is made, and is to run, without data."""
    small = _is_small(denoiser, size, clips)
    with torch.random.fork_rng(devices=[]) if small else without_data():
        yield build_denoiser(denoiser, size)


def _is_small(denoiser: VariantConfig, size: Size, clips: int) -> bool:
    """Whether to run a network on `clips` clips is quicker than to do so without data."""
    weights, tokens = _weights_and_tokens(denoiser.model_dump_json(), size)
    return weights * tokens * clips <= SMALL


def _forward(network: Denoiser, size: Size, clips: int, *, both: bool = False) -> Tensor:
    """The output for clips of zeros, on torch's default device; `both` runs clean ones beside."""
    noisy = torch.zeros(clips, size.frames, *size.latent_shape)
    level = torch.zeros(clips, size.frames, dtype=torch.int64)
    actions = torch.zeros(clips, size.frames, size.action_dim + size.motion_dim)
    return network(noisy, level, actions, None, None, noisy if both else None)


def _drop_gradient(weight: Tensor) -> None:
    weight.grad = None
