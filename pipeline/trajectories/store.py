"""The folder of trajectories: states in sharded zarr, and a JSON file with what made them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import zarr
from pydantic import Field

from pipeline.checksum import sha256
from pipeline.compute.precision import Precision
from pipeline.diffusion.model_folder import WEIGHTS
from pipeline.errors import DataError
from pipeline.files.content import parsing
from pipeline.files.json_model import FileModel, read_json
from pipeline.latents.mapped_rows import Rows
from pipeline.latents.metadata import METADATA, check_array
from pipeline.latents.spec import Column

STATES, ORIGIN = "states", "origin.json"
WAY_OUT = "restore it with `dvc checkout`, or write it again with `dvc repro -f trajectories`"


class Origin(FileModel):
    """All that decides the states; origin.json."""

    teacher: str
    """SHA-256 of the teacher's weights."""
    latents: str
    """SHA-256 of the seal of the latent cache."""
    levels: tuple[int, ...] = Field(min_length=1)
    """Where the student's steps begin: at noise, then at each state but the last."""
    grid: int = Field(gt=0)
    """Steps of the teacher."""
    guidance: float
    """Of the teacher by actions; 1 for none."""
    clips: int = Field(gt=0)
    seed: int
    shape: tuple[int, int, int, int]
    """T - 1 generated frames of C x h x w."""
    precision: Precision

    @property
    def column(self) -> Column:
        """A row for each clip: a state for each level, the last one at the end of the ODE."""
        return Column((len(self.levels), *self.shape), "float16", strided=True)


@dataclass(frozen=True, slots=True)
class Trajectories:
    """A folder of trajectories for reading.

    Attributes:
        origin: what made them.
        states: float16 [clips, S, T - 1, C, h, w], memory-mapped.
    """

    origin: Origin
    states: Rows


def open_trajectories(folder: Path, teacher: Path, latents: str) -> Trajectories:
    """Open trajectories of a teacher on the latents of a cache.

    Raises:
        DataError: there are none, they are damaged, or another teacher's or of other latents.
    """
    origin = read_json(folder / ORIGIN, Origin, WAY_OUT)
    made_by = {"teacher": sha256(teacher / WEIGHTS), "latents": latents}
    for name, digest in made_by.items():
        if getattr(origin, name) != digest:
            raise DataError(
                f"{folder}: computed for another {name} (SHA-256 {getattr(origin, name)[:12]}, not "
                f"{digest[:12]}); run `dvc repro trajectories`"
            )
    check_array(folder / STATES, origin.clips, origin.column, WAY_OUT)
    with parsing(folder / METADATA, WAY_OUT):
        array = zarr.open_group(folder, mode="r", use_consolidated=False)[STATES]
    return Trajectories(origin, Rows(folder, cast("zarr.Array[Any]", array), WAY_OUT))
