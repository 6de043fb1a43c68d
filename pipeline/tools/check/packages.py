"""Whether the packages are installed that the chosen options need beyond the base install."""

from collections.abc import Iterator
from importlib.util import find_spec

from pipeline.compute import parallel
from pipeline.encoders import ENCODERS
from pipeline.errors import ParamsError
from pipeline.evaluate import Options as EvaluateOptions
from pipeline.formats import FORMATS
from pipeline.metrics.perceptual import LIBRARIES
from pipeline.params import Settings
from pipeline.train.monitoring import tracking
from pipeline.worlds import WORLDS

IN_TRANSFORMERS = ("dinov3", "vjepa2")
"""Encoders that run in transformers."""


def check_packages(settings: Settings) -> None:
    """Refuse options that need a package which is not here.

    Raises:
        ParamsError: the package, and the extra that installs it.
    """
    for place, package, extra in _needed(settings):
        if find_spec(package) is None:
            raise ParamsError(
                f"{settings.path}: {place} needs {package}, which is not installed: `pip install "
                f"-e '.[{extra}]'`, or choose without"
            )


def _needed(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """What needs a package, the package, and the extra that installs it."""
    encoder = settings.chosen(ENCODERS)
    simulated = settings.variant(FORMATS).options.root is None
    if simulated and settings.chosen(WORLDS) == "csgo":
        yield f"dataset = {settings.dataset!r}, as it is simulated,", "vizdoom", "doom"
    if encoder in IN_TRANSFORMERS:
        yield f"encoder = {encoder!r}", "transformers", "transformers"
    for name in settings.section("evaluate", EvaluateOptions).perceptual:
        yield f"evaluate.perceptual = {name}", LIBRARIES[name].split(".")[0], "perceptual"
    if settings.section("cluster", parallel.Options).ray is not None:
        yield "cluster.ray", "ray", "ray"
    if settings.section("tracking", tracking.Options).wandb is not None:
        yield "tracking.wandb", "wandb", "wandb"
