"""The size of a denoiser and the work of one forward, found without computing anything."""

from dataclasses import dataclass
from functools import cache

import torch
from torch.utils.flop_counter import FlopCounterMode

from pipeline.train.size import Size
from pipeline.train.world_model import Part
from pipeline.variants import DENOISERS


@dataclass(frozen=True, slots=True)
class Work:
    """Of one denoiser."""

    parameters: int
    forward_flops: int
    """Of one clip, 2 a multiply-add, by matrix products and attention alone."""


def measure(denoiser: Part, size: Size) -> Work:
    """Count on the meta device, where nothing is computed and attention is counted."""
    return _counted(denoiser.model_dump_json(), size)


@cache
def _counted(denoiser: str, size: Size) -> Work:
    """Many runs train the same network, which takes most of a second to count."""
    with torch.device("meta"), torch.no_grad():
        network = Part.model_validate_json(denoiser).build(DENOISERS, size)
        noisy = torch.zeros(1, size.frames, *size.latent_shape)
        level = torch.zeros(1, size.frames, dtype=torch.long)
        actions = torch.zeros(1, size.frames, size.action_dim)
        with FlopCounterMode(display=False) as counter:
            network(noisy, level, actions)
    return Work(sum(p.numel() for p in network.parameters()), counter.get_total_flops())
