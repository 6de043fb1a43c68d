"""Matrix products: how fast the machine computes them, and by which library."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from pipeline.compute.peak_flops import matmul_flops
from pipeline.compute.precision import Precision


def peak_flops(device: torch.device, precision: Precision) -> float:
    """FLOP/s of a large matrix product in a precision, measured: an upper bound for all work."""
    return matmul_flops(device, getattr(torch, precision))


@contextmanager
def float32_matmul(*, onednn: bool) -> Iterator[None]:
    """Compute float32 products by oneDNN instead of MKL, which uses no AVX-512 on AMD processors.

    On processors with AMX torch lets oneDNN compute them in bfloat16 (`"medium"` precision).
    """
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium" if onednn else before)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
