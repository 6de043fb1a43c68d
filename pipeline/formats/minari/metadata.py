"""metadata.json of a Minari data set: how it is stored, and what its spaces are."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from pipeline.errors import DataError
from pipeline.files.json_model import FileModel, read_json
from pipeline.formats.minari import spaces
from pipeline.formats.minari.spaces import Dict, Leaf, Tuple

FILE = "metadata.json"
FETCH = "fetch it again"
Stored = Literal["hdf5", "arrow", "parquet"]


class _File(FileModel):
    data_format: Stored
    total_episodes: int = Field(ge=0)
    observation_space: str | None = None
    action_space: str | None = None
    dataset_id: str = "?"
    minari_version: str = "?"


@dataclass(frozen=True, slots=True)
class Metadata:
    """What metadata.json says.

    Attributes:
        folder: the one that it is in, with the episodes.
        stored: as what.
        episodes: how many.
        observations, actions: the spaces of arrays, by their paths in an episode.
        name: of the set.
        version: of the Minari that wrote it.
    """

    folder: Path
    stored: Stored
    episodes: int
    observations: dict[str, Leaf]
    actions: dict[str, Leaf]
    name: str
    version: str


def folder_of(root: Path) -> Path | None:
    """The folder with metadata.json: `root` or its `data`; None if neither has it."""
    return next((path for path in (root, root / "data") if (path / FILE).is_file()), None)


def read(folder: Path) -> Metadata:
    """Read metadata.json.

    Raises:
        DataError: it is damaged, or of a data set without spaces.
    """
    path = folder / FILE
    file = read_json(path, _File, FETCH, "no metadata of a Minari data set")
    index = "_index_" if file.data_format == "hdf5" else ""

    def parsed(kind: str, content: str | None) -> dict[str, Leaf]:
        if content is None:
            raise DataError(
                f"{path}: has no {kind}_space; write the set again with it, by "
                "minari.create_dataset_from_buffers"
            )
        space: Leaf | Dict | Tuple = spaces.parse(content, f"{path}: {kind}_space", FETCH)
        return dict(spaces.leaves(space, f"{kind}s", index))

    return Metadata(
        folder,
        file.data_format,
        file.total_episodes,
        parsed("observation", file.observation_space),
        parsed("action", file.action_space),
        file.dataset_id,
        file.minari_version,
    )
