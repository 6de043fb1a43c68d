"""Peak FLOP/s of a device, measured by a large matrix product."""

import time
from statistics import median

import torch

SIDES = {"cuda": 8192, "cpu": 2048}
"""Side of the matrices by type of device: large enough for full speed, and done in seconds."""
ROUNDS, WARMUP = 20, 3


def matmul_flops(device: torch.device, dtype: torch.dtype) -> float:
    """FLOP/s of a product of square matrices, median of 20 rounds after 3 of warm-up."""
    side = SIDES[device.type]
    generator = torch.Generator(device).manual_seed(0)
    left, right = (
        torch.randn(side, side, device=device, generator=generator).to(dtype) for _ in range(2)
    )
    seconds = []
    for _ in range(WARMUP + ROUNDS):
        start = _now(device)
        left @ right
        seconds.append(_now(device) - start)
    return 2 * side**3 / median(seconds[WARMUP:])


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
