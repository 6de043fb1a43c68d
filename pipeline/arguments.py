"""Arguments that several commands share, with the words in which --help explains them."""

from pathlib import Path
from typing import Annotated, Any

import typer

Shards = Annotated[Path, typer.Argument(metavar="SHARDS", help="Episodes written by ingest.")]
Codec = Annotated[Path, typer.Argument(metavar="CODEC", help="Encoder made by fit.")]
Latents = Annotated[Path, typer.Argument(metavar="LATENTS", help="Cache written by encode.")]
Model = Annotated[Path, typer.Argument(metavar="WORLD_MODEL", help="Model written by train.")]
Probe = Annotated[Path, typer.Argument(metavar="PROBE", help="Readout and inverse made by probe.")]
ParamsFile = Annotated[Path, typer.Option(metavar="FILE", help="Parameters to read.")]
SecondsFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="JSON file to write the time taken to.")
]

PARAMS = Path("params.yaml")


def output(name: str, explanation: str) -> Any:
    """A path that a command writes to."""
    return typer.Argument(metavar=name, help=explanation)
