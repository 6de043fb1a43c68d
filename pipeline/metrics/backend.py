"""What computes a score: the library, and the weights of its network."""

from dataclasses import dataclass
from importlib.metadata import version

from pipeline import __version__

OWN = f"nano-world-models {__version__}"


@dataclass(frozen=True, slots=True)
class Backend:
    """What computes a score.

    Attributes:
        name: library and version.
        weights: SHA-256 of the file of its network's weights; None without a network.
        origin: where that file is published.
    """

    name: str
    weights: str | None = None
    origin: str | None = None


def library(package: str, note: str = "") -> str:
    """Name and version of an installed library, and what of it is used."""
    return f"{package} {version(package)}{note and f', {note}'}"
