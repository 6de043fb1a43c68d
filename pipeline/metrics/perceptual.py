"""LPIPS and FID: how near images are to networks that were trained on photographs.

The networks are those of the libraries `lpips` and `pytorch-fid`, by which figures are published;
their weights are files that are published under names that end in the first digits of their
SHA-256. They are kept in torch hub's cache, where torchvision keeps its own.
"""

import importlib
import warnings
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from pickle import UnpicklingError
from typing import Any
from unittest import mock

import torch
from torch import Tensor

from pipeline.checksum import sha256
from pipeline.compute.torchvision_shim import make_importable
from pipeline.errors import DataError, ParamsError
from pipeline.metrics import Perceptual

Metric = Callable[[Tensor, Tensor], Tensor]
"""Images uint8 [N, 3, H, W] and true ones to a number for each pair, [N]."""
Extractor = Callable[[Tensor], Tensor]
"""Images uint8 [N, 3, H, W] to one row of numbers each, [N, D]."""

WEIGHTS: dict[Perceptual, str] = {
    "lpips": "https://download.pytorch.org/models/vgg16-397923af.pth",
    "fid": "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
    "pt_inception-2015-12-05-6726825d.pth",
}
LIBRARIES: dict[Perceptual, str] = {"lpips": "lpips", "fid": "pytorch_fid.inception"}
AT_ONCE = 32
"""Images that a network is shown together."""


def lpips(where: torch.device) -> Metric:
    """LPIPS of pairs of images, [N]: 0 for the same, more for what looks less alike.

    Zhang et al. 2018, eq. 1, version 0.1 on VGG16, as the reference computes it (its documents
    name AlexNet).

    Raises:
        ParamsError: the library is not installed.
        DataError: there are no weights.
    """
    library = _imported("lpips")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it calls torchvision in a way of old
        network = library.LPIPS(net="vgg", pnet_rand=True, verbose=False)
    published = _weights("lpips")
    names = network.net.state_dict()  # such as slice1.0.weight, published as features.0.weight
    network.net.load_state_dict(
        {name: published["features." + name.split(".", 1)[1]] for name in names}
    )
    network.to(where)

    @torch.inference_mode()
    def distance(generated: Tensor, truth: Tensor) -> Tensor:
        pairs = zip(generated.split(AT_ONCE), truth.split(AT_ONCE), strict=True)
        found = [network(_unit(a, where), _unit(b, where), normalize=True) for a, b in pairs]
        return torch.cat(found).flatten().cpu()

    return distance


def inception(where: torch.device) -> Extractor:
    """Features [N, 2048] of images by which the FID is defined (Heusel et al. 2017).

    Of pytorch-fid's Inception, after its last pooling, images resized to 299 x 299 by bilinear
    interpolation without antialiasing, as in the reference.

    Raises:
        ParamsError: the library is not installed.
        DataError: there are no weights.
    """
    library = _imported("fid")
    published = _weights("fid")
    # The library itself would unpickle whatever the file holds.
    with mock.patch.object(library, "load_state_dict_from_url", return_value=published):
        network = library.InceptionV3().eval().to(where)

    @torch.inference_mode()
    def features(images: Tensor) -> Tensor:
        rows = [network(_unit(part, where))[0].flatten(1) for part in images.split(AT_ONCE)]
        return torch.cat(rows).cpu()

    return features


def ready(asked: Sequence[Perceptual]) -> None:
    """Have all that is needed here, downloading weights that torch hub's cache does not hold.

    Raises:
        ParamsError: a library is not installed.
        DataError: weights cannot be downloaded, or are not those that their name says.
    """
    for name in asked:
        _check_installed(name)
    for name in asked:
        _located(WEIGHTS[name])


def _check_installed(name: Perceptual) -> None:
    package = LIBRARIES[name].split(".")[0]
    if find_spec(package) is None:
        raise ParamsError(
            f"evaluate.perceptual: {name} is computed by {package}, which is not installed: "
            "`pip install -e '.[perceptual]'`, or take it out"
        )


def _imported(name: Perceptual) -> Any:
    _check_installed(name)
    make_importable()
    return importlib.import_module(LIBRARIES[name])


def _weights(name: Perceptual) -> dict[str, Tensor]:
    path = _located(WEIGHTS[name])
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError:
        raise DataError(f"{path}: holds more than tensors, and is not opened; delete it") from None


def _located(url: str) -> Path:
    """The file in torch hub's cache, downloaded if it is not there."""
    path = Path(torch.hub.get_dir()) / "checkpoints" / PurePosixPath(url).name
    digits = path.stem.rsplit("-", 1)[1]
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(url, str(path), hash_prefix=digits)
        except (OSError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise DataError(
                f"evaluate.perceptual: {url} cannot be downloaded ({reason}); put it at {path}"
            ) from None
    found = sha256(path)
    if not found.startswith(digits):
        raise DataError(
            f"{path}: its SHA-256 begins with {found[: len(digits)]}, not with {digits}; delete it "
            f"and run again, or put {url} there"
        )
    return path


def _unit(images: Tensor, where: torch.device) -> Tensor:
    """Images uint8 as numbers 0..1."""
    return images.to(where).float() / 255
