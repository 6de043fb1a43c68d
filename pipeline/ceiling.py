"""How fast a device can possibly be: a large matrix product, measured."""

import time
from statistics import median

import torch

SIDE = 8192
ROUNDS, WARM = 20, 3


def product_rate(device: torch.device, dtype: torch.dtype, side: int = SIDE) -> float:
    """FLOP/s of a product of square matrices, the median of some rounds; half a second on a GPU."""
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
