"""Which scores can be computed here, and what computes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import torch

from pipeline.metrics import fvd, perceptual
from pipeline.metrics.backend import Backend
from pipeline.metrics.frames import build
from pipeline.metrics.fvd import VideoExtractor
from pipeline.metrics.perceptual import Extractor, Metric

NAMES = ("psnr", "ssim", "lpips", "fid", "fvd")


@dataclass(frozen=True, slots=True)
class Scorers:
    """What computes the scores.

    Attributes:
        by_frame: scores of single frames, by name.
        inception: features of the FID; None without it.
        i3d: features of the FVD; None without it.
        backends: of each score, by name.
        absent: why a score is not computed, and the way out.
    """

    by_frame: Mapping[str, Metric]
    inception: Extractor | None
    i3d: VideoExtractor | None
    backends: Mapping[str, Backend]
    absent: dict[str, str]


def available(names: Sequence[str], device: torch.device) -> Scorers:
    """The scores of these names whose libraries and weights are here; nothing is downloaded.

    Raises:
        DataError: weights are damaged.
    """
    absent = {name: reason for name in names if (reason := _absent(name))}
    here = [name for name in names if name not in absent]
    metrics = build([name for name in perceptual.LIBRARIES if name in here], device)
    backends = dict(metrics.backends)
    i3d = None
    if "fvd" in here:
        i3d, backends["fvd"] = fvd.extractor(device), fvd.backend()
    by_frame = {name: score for name, score in metrics.by_frame.items() if name in names}
    return Scorers(by_frame, metrics.extractor, i3d, backends, absent)


def _absent(name: str) -> str | None:
    """Why a score cannot be computed, and the way out; None if it can."""
    library = {str(key): module.split(".")[0] for key, module in perceptual.LIBRARIES.items()}
    if name in library and find_spec(library[name]) is None:
        return f"needs {library[name]}, which is not installed: pip install -e '.[perceptual]'"
    urls = {str(key): url for key, url in perceptual.WEIGHTS.items()} | {"fvd": fvd.WEIGHTS}
    if name in urls and not perceptual.cached(urls[name]).is_file():
        return f"its weights are not here; get them: wm weights {name}"
    return None
