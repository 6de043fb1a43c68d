"""Make torchvision importable beside a CPU build of torch, which its compiled operators do not fit.

torchvision's wheels on PyPI are built for CUDA. With a CPU torch its operators do not load, and
`import torchvision` fails where it registers a kernel for `torchvision::nms`; so do the imports of
diffusers and lpips, neither of which calls the operator. Declaring the signatures is enough.
"""

import importlib.util
import sys

import torch

_SIGNATURES = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_libraries: list[torch.library.Library] = []


def make_importable() -> None:
    """Import torchvision if it is installed, declaring its operators if they could not load."""
    if importlib.util.find_spec("torchvision") is None or "torchvision" in sys.modules:
        return
    try:
        import torchvision
    except RuntimeError:
        library = torch.library.Library("torchvision", "DEF")
        for signature in _SIGNATURES:
            library.define(signature)
        _libraries.append(library)
        import torchvision  # noqa: F401
