"""Where the stage reads and writes."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Paths:
    """The inputs and outputs of the stage."""

    latents: Path
    codec: Path
    out: Path
    metrics: Path
    curve: Path
    levels: Path
    validation: Path
    samples: Path
    params: Path
    seconds: Path | None
    logs: Path | None
