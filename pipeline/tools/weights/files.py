"""Which files of weights there are, where they lie, and how they are fetched."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline.checksum import sha256
from pipeline.download.disk import require_space
from pipeline.download.progress import progress
from pipeline.download.web import HttpClient, Remote, UnreachableError, bytes_present
from pipeline.encoders import ENCODERS
from pipeline.errors import DataError
from pipeline.metrics import fvd, perceptual
from pipeline.params import Settings
from pipeline.weights import pretrained
from pipeline.weights.pretrained import Weights, WithWeights

DELAY = 1.0
"""Seconds before the first retry, doubled at each further one."""
SIZES = {
    **{"lpips": "553 MB", "fid": "96 MB", "fvd": "51 MB", "sd_vae": "335 MB"},
    **{"web_dino": "1.2 GB", "dinov2": "350 MB", "dinov3": "343 MB", "vjepa2": "1.3 GB"},
    "vjepa2_1": "5.2 GB",
}
"""Of what is downloaded, as published."""
PURPOSES = {"lpips": "VGG16 of LPIPS", "fid": "Inception of the FID", "fvd": "I3D of the FVD"}


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """Weights of a metric or an encoder.

    Attributes:
        name: the word that fetches them.
        purpose: what they are for.
        origin: a URL, or repository and commit on the hub.
        size: of the download, as published; empty where that is not known.
        published: SHA-256 that is demanded, or its first digits; empty if none is published.
        place: where they lie here; None if they do not.
        digest: computes the SHA-256 of what lies here.
        fetch: gets them, and returns where they lie.
    """

    name: str
    purpose: str
    origin: str
    size: str
    published: str
    place: Path | None
    digest: Callable[[Path], str]
    fetch: Callable[[], Path]


def known(settings: Settings) -> dict[str, WeightsFile]:
    """All files of weights, those of metrics first; encoders' are those of params.yaml."""
    urls: dict[str, str] = {str(name): url for name, url in perceptual.WEIGHTS.items()}
    found = {name: _of_metric(name, url) for name, url in [*urls.items(), ("fvd", fvd.WEIGHTS)]}
    for name in ENCODERS.names():
        options = ENCODERS.options_class(name, "weights")
        if issubclass(options, WithWeights):
            found[name] = _of_encoder(name, options, settings)
    return found


def _of_metric(name: str, url: str) -> WeightsFile:
    place = perceptual.cached(url)
    return WeightsFile(
        name=name,
        purpose=PURPOSES[name],
        origin=url,
        size=SIZES[name],
        published=perceptual.digits_of(place),
        place=place if place.is_file() else None,
        digest=sha256,
        fetch=lambda: _download(url, place),
    )


def _of_encoder(name: str, options: type[WithWeights], settings: Settings) -> WeightsFile:
    block = settings.values["encoders"][name]["weights"]
    weights, files = Weights.model_validate(block), options.weight_files
    commit = f" at {weights.revision[:12]}" if weights.revision else ""

    def fetch() -> Path:
        if options.weights_by_hand is not None and pretrained.found(weights, files) is None:
            way = options.weights_by_hand.replace("WEIGHTS", weights.source)
            raise DataError(f"{name}: its weights are on no hub; {way}")
        return pretrained.locate(weights, f"encoders.{name}.weights", files).path

    return WeightsFile(
        name=name,
        purpose=f"encoder {name}",
        origin=f"{weights.source}{commit}",
        size=SIZES.get(name, ""),
        published=weights.sha256 or "",
        place=pretrained.found(weights, files),
        digest=lambda path: pretrained.digest(path, files),
        fetch=fetch,
    )


def _download(url: str, place: Path) -> Path:
    """Download into torch hub's cache; what an interrupted download has left is gone on with.

    Raises:
        DataError: the server does not answer, or sends another file; or the disk is too small.
    """
    if not place.is_file():
        try:
            with HttpClient(DELAY) as http:
                remote = Remote(place.name, url, http.size_of(url), None)
                require_space(place.parent, remote.size - bytes_present(place))
                with progress(remote.size, place.name) as advance:
                    http.download(remote, place, advance)
        except UnreachableError as error:
            raise DataError(
                f"{error}; run it again to resume, or download it elsewhere and put it at {place}"
            ) from None
    digest, digits = sha256(place), perceptual.digits_of(place)
    if not digest.startswith(digits):
        place.unlink()
        raise DataError(
            f"{url}: its SHA-256 begins with {digest[: len(digits)]}, not with {digits}; the file "
            "was deleted, get it elsewhere"
        )
    return place
