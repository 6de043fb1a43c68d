"""Features of videos whose distributions the FVD compares (Unterthiner et al. 2018).

They are the logits of an I3D on Kinetics-400. The usual weights are an archive of StyleGAN-V, for
which no checksum is published: the SHA-256 of the file stands beside every FVD. Their network takes
frames in -1..1. The reference feeds it 0..1 and does not let it rescale, so that its numbers are
not comparable with these.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.checksum import sha256
from pipeline.errors import DataError
from pipeline.metrics.backend import OWN, Backend
from pipeline.metrics.i3d import EPS, I3D, LEAST_FRAMES, SIDE, fitted
from pipeline.metrics.perceptual import cached
from pipeline.weights.torchscript import read_torchscript, stated_eps

WEIGHTS = "https://www.dropbox.com/s/ge9e5ujwgetktms/i3d_torchscript.pt?dl=1"
AGAIN = "delete it, and get it again: `wm weights fvd`"
VideoExtractor = Callable[[Tensor], Tensor]
"""Features [N, 400] of videos [N, T, 3, H, W], float32 in 0..1 or uint8; T is 10 or more."""


def extractor(device: torch.device) -> VideoExtractor:
    """The I3D of the file in torch hub's cache.

    Raises:
        DataError: the file is missing or damaged, or holds another network.
    """
    path = cached(WEIGHTS)
    state = read_torchscript(path, "get it: `wm weights fvd`")
    with torch.device("meta"):
        network = I3D(stated_eps(path) or EPS)
    own = network.state_dict()
    counts = {name: torch.zeros((), dtype=torch.long) for name in own if "num_batches" in name}
    network.load_state_dict({**fitted(state, own, str(path)), **counts}, assign=True)
    network.eval().to(device)

    @torch.inference_mode()
    def features(videos: Tensor) -> Tensor:
        return torch.cat([network(preprocess(video.to(device))).cpu() for video in videos.split(1)])

    return features


def preprocess(videos: Tensor) -> Tensor:
    """Videos [N, T, 3, H, W] as the network takes them: float32 [N, 3, T, 224, 224] in -1..1.

    Frames are resized by bilinear interpolation without antialiasing, as in StyleGAN-V.

    Raises:
        DataError: they have fewer than ten frames.
    """
    if (frames := videos.shape[1]) < LEAST_FRAMES:
        raise DataError(f"videos of {frames} frames: an FVD needs {LEAST_FRAMES} or more")
    flat = videos.flatten(0, 1)
    unit = flat.float() / 255 if flat.dtype == torch.uint8 else flat
    resized = functional.interpolate(unit, (SIDE, SIDE), mode="bilinear", align_corners=False)
    return (2 * resized - 1).unflatten(0, videos.shape[:2]).transpose(1, 2)


def backend() -> Backend:
    """What computes an FVD; the weights are here."""
    return Backend(f"{OWN}, I3D", sha256(cached(WEIGHTS)), WEIGHTS)
