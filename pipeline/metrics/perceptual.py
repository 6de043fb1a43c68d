"""LPIPS and FID: distances between images in the features of pretrained networks.

The networks are those of the libraries `lpips` and `pytorch-fid`, which published scores use. Their
weights are downloaded to torch hub's cache, where torchvision keeps its own; the name of each file
ends in the first digits of its SHA-256.
"""

import importlib
import warnings
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from pickle import UnpicklingError
from typing import Any
from urllib.parse import urlsplit

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.checksum import sha256
from pipeline.compute.parts import in_parts
from pipeline.compute.torchvision_shim import make_importable
from pipeline.errors import DataError, ParamsError
from pipeline.metrics import Perceptual
from pipeline.metrics.backend import Backend, library

Metric = Callable[[Tensor, Tensor], Tensor]
"""Scores [N] of images [N, 3, H, W] beside true ones, float32 in 0..1 or uint8."""
Extractor = Callable[[Tensor], Tensor]
"""Features [N, D] of images [N, 3, H, W], float32 in 0..1 or uint8."""

WEIGHTS: dict[Perceptual, str] = {
    "lpips": "https://download.pytorch.org/models/vgg16-397923af.pth",
    "fid": "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
    "pt_inception-2015-12-05-6726825d.pth",
}
LIBRARIES: dict[Perceptual, str] = {"lpips": "lpips", "fid": "pytorch_fid.inception"}


def lpips(device: torch.device) -> Metric:
    """LPIPS [N] of pairs of images: 0 for equal ones, larger for less similar ones.

    Zhang et al. 2018, eq. 1, version 0.1 on VGG16, as the reference computes it (its documents
    name AlexNet).

    Raises:
        ParamsError: the library is not installed.
        DataError: the weights cannot be downloaded, or are damaged.
    """
    library = _library("lpips")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lpips calls a deprecated torchvision API
        network = library.LPIPS(net="vgg", pnet_rand=True, verbose=False)
    weights = _weights("lpips")
    names = network.net.state_dict()  # such as slice1.0.weight, in the file features.0.weight
    network.net.load_state_dict(
        {name: weights["features." + name.split(".", 1)[1]] for name in names}
    )
    network.to(device)

    @torch.inference_mode()
    def distance(generated: Tensor, truth: Tensor) -> Tensor:
        def between(a: Tensor, b: Tensor) -> Tensor:
            found: Tensor = network(_unit(a, device), _unit(b, device), normalize=True)
            return found.flatten().cpu()

        return in_parts(between, generated, truth)

    return distance


def inception(device: torch.device) -> Extractor:
    """Inception features [N, 2048] of images, which define the FID (Heusel et al. 2017).

    They are taken after the last pooling layer of pytorch-fid's network, from images resized to
    299 x 299 by bilinear interpolation without antialiasing, as in the reference.

    Raises:
        ParamsError: the library is not installed.
        DataError: the weights cannot be downloaded, or are damaged.
    """
    network = _fid_inception(_library("fid"))
    network.load_state_dict(_weights("fid"))
    network.fc = nn.Identity()
    network.eval().to(device)

    @torch.inference_mode()
    def features(images: Tensor) -> Tensor:
        return in_parts(lambda part: network(_resized(part)).cpu(), images)

    def _resized(images: Tensor) -> Tensor:
        return 2 * functional.interpolate(_unit(images, device), (299, 299), mode="bilinear") - 1

    return features


def _fid_inception(library: Any) -> nn.Module:
    """Torchvision's Inception with the blocks of pytorch-fid, weights not loaded.

    `pytorch_fid.inception.fid_inception_v3` builds the same network, but unpickles a download.
    """
    from torchvision.models import inception_v3

    network: nn.Module = inception_v3(
        weights=None, num_classes=1008, aux_logits=False, init_weights=False
    )
    network.Mixed_5b = library.FIDInceptionA(192, pool_features=32)
    network.Mixed_5c = library.FIDInceptionA(256, pool_features=64)
    network.Mixed_5d = library.FIDInceptionA(288, pool_features=64)
    network.Mixed_6b = library.FIDInceptionC(768, channels_7x7=128)
    network.Mixed_6c = library.FIDInceptionC(768, channels_7x7=160)
    network.Mixed_6d = library.FIDInceptionC(768, channels_7x7=160)
    network.Mixed_6e = library.FIDInceptionC(768, channels_7x7=192)
    network.Mixed_7b = library.FIDInceptionE_1(1280)
    network.Mixed_7c = library.FIDInceptionE_2(2048)
    return network


def backend(name: Perceptual) -> Backend:
    """What computes a metric whose library is installed, and whose weights are here."""
    said = {"lpips": library("lpips", "VGG16"), "fid": library("pytorch-fid", "Inception")}
    return Backend(said[name], sha256(cached(WEIGHTS[name])), WEIGHTS[name])


def prepare(names: Sequence[Perceptual]) -> None:
    """Check the libraries of some metrics, and download weights that torch hub's cache lacks.

    Raises:
        ParamsError: a library is not installed.
        DataError: weights cannot be downloaded, or are damaged.
    """
    for name in names:
        _check_installed(name)
    for name in names:
        _download(WEIGHTS[name])


def _check_installed(name: Perceptual) -> None:
    package = LIBRARIES[name].split(".")[0]
    if find_spec(package) is None:
        raise ParamsError(
            f"evaluate.perceptual: {name} needs {package}, which is not installed: "
            f"`pip install -e '.[perceptual]'`, or remove {name}"
        )


def _library(name: Perceptual) -> Any:
    _check_installed(name)
    make_importable()
    return importlib.import_module(LIBRARIES[name])


def _weights(name: Perceptual) -> dict[str, Tensor]:
    path = _download(WEIGHTS[name])
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError:
        raise DataError(
            f"{path}: contains more than tensors, so it is not loaded; delete it"
        ) from None


def cached(url: str) -> Path:
    """Where torch hub's cache has a file, or will have it."""
    name = PurePosixPath(urlsplit(url).path).name
    return Path(torch.hub.get_dir()) / "checkpoints" / name


def digits_of(path: Path) -> str:
    """The first digits of the SHA-256 of a file of weights, if its name ends in them."""
    return path.stem.rpartition("-")[2] if "-" in path.stem else ""


def _download(url: str) -> Path:
    """The file in torch hub's cache, downloaded if it is missing."""
    path = cached(url)
    digits = digits_of(path)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(url, str(path), hash_prefix=digits)
        except (OSError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise DataError(
                f"evaluate.perceptual: {url} cannot be downloaded ({reason}); put it at {path}"
            ) from None
    digest = sha256(path)
    if not digest.startswith(digits):
        raise DataError(
            f"{path}: its SHA-256 begins with {digest[: len(digits)]}, not with {digits}; delete "
            f"it and run again, or put {url} there"
        )
    return path


def _unit(images: Tensor, device: torch.device) -> Tensor:
    """Images as floats 0..1."""
    images = images.to(device)
    return images.float() / 255 if images.dtype == torch.uint8 else images
