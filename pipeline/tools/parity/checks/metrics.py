"""PSNR, SSIM, MSE and the Frechet distance."""

from collections.abc import Callable, Iterator

from torch import Tensor

from pipeline.metrics.images import frechet, mse, psnr, ssim
from pipeline.tools.parity.golden import Arrays, Check, Folder, compare

TOLERANCE = 1e-5

METRICS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "psnr": lambda a, b: psnr(_unit(a), _unit(b), peak=1),
    "ssim": lambda a, b: ssim(_unit(a), _unit(b), peak=1),
    "mse": lambda a, b: mse(a, b, peak=1).mean(),
}
"""Metrics of images [N, 3, H, W] in -1..1, the range of the reference."""


def check(arrays: Arrays, folder: Folder) -> Iterator[Check]:
    """`psnr`, `ssim` and `mse` of the images `a` and `b`; `fd_CASE/fid` of features A and B."""
    arrays.inputs("a", "b")
    for name in arrays:
        if name in METRICS:
            ours = METRICS[name](arrays("a"), arrays("b"))
            yield compare(name, ours, arrays(name), TOLERANCE)
        elif name.startswith("fd_") and name.endswith("/fid"):
            case = name.removesuffix("/fid")
            ours = frechet(arrays(f"{case}/A"), arrays(f"{case}/B"))
            yield compare(name, ours, arrays(name), TOLERANCE)


def _unit(images: Tensor) -> Tensor:
    """-1..1 to 0..1."""
    return (images.clamp(-1, 1) + 1) / 2
