"""What a format has no place for: the episodes' meta, in a JSON file of ours beside its own."""

from collections.abc import Mapping
from pathlib import Path

from pipeline.episodes.episode import Meta
from pipeline.files.json_model import FileModel
from pipeline.files.versioned import Format

FORMAT = Format()


class MetaFile(FileModel):
    """Meta of the episodes by name."""

    episodes: dict[str, dict[str, int | float | str]]


def write(path: Path, meta: Mapping[str, Meta]) -> None:
    content = MetaFile(episodes={key: dict(values) for key, values in meta.items()})
    path.write_text(FORMAT.text(content))


def read(path: Path) -> Mapping[str, Meta]:
    """The meta of the episodes by name; none where others wrote the set.

    Raises:
        DataError: the file is damaged.
    """
    if not path.is_file():
        return {}
    return FORMAT.read(path, MetaFile, "delete it to go on without").episodes
