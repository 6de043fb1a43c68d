"""Let torchvision be imported beside a CPU build of torch that its compiled operators do not fit.

torchvision's wheels on PyPI are built for CUDA. Beside a CPU torch its operators do not load, and
`import torchvision` fails as it describes `torchvision::nms`, an operator that then does not exist;
with it fail diffusers, torchmetrics and lerobot, none of which call the operator. Naming the
operators' signatures is enough.
"""

import importlib.util
import sys

import torch

_SIGNATURES = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_kept: list[torch.library.Library] = []


def make_importable() -> None:
    """Import torchvision if it is installed, naming its operators where they could not load."""
    if importlib.util.find_spec("torchvision") is None or "torchvision" in sys.modules:
        return
    try:
        import torchvision
    except RuntimeError:
        library = torch.library.Library("torchvision", "DEF")
        for signature in _SIGNATURES:
            library.define(signature)
        _kept.append(library)
        import torchvision  # noqa: F401
