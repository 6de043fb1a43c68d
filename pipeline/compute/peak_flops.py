"""How fast a device can possibly be: a large matrix product, measured."""

import time
from statistics import median

import torch

SIDES = {"cuda": 8192, "cpu": 2048}
"""Of the matrices, by kind of device: large enough for its full speed, and done in seconds."""
ROUNDS, WARM = 20, 3


def matmul_flops(device: torch.device, dtype: torch.dtype) -> float:
    """FLOP/s of a product of square matrices, the median of some rounds."""
    side = SIDES[device.type]
    generator = torch.Generator(device).manual_seed(0)
    left, right = (
        torch.randn(side, side, device=device, generator=generator).to(dtype) for _ in range(2)
    )
    seconds = []
    for _ in range(WARM + ROUNDS):
        begin = _now(device)
        left @ right
        seconds.append(_now(device) - begin)
    return 2 * side**3 / median(seconds[WARM:])


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
