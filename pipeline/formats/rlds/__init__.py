"""RLDS episodes as tensorflow-datasets stores them in TFRecord files: RT-1, Open X-Embodiment.

A folder NAME/VERSION holds NAME-SPLIT.tfrecord-00000-of-00001, .. and a record is an episode.
TensorFlow is not needed: google-crc32c checks the records, and protobuf parses them.

Step t holds the frame and the action that is applied at it. Where `is_last` is set, RLDS says that
nothing but the observation of that step means something: it is left out. A split for validation
is used where there is one beside train.
"""

from pathlib import Path

from pydantic import Field

from pipeline.errors import DataError
from pipeline.formats import DatasetOptions, Detected
from pipeline.formats._shared import discrete
from pipeline.formats._shared.folder import require
from pipeline.formats._shared.names import Names
from pipeline.formats._shared.reading import Reading
from pipeline.formats.rlds import records
from pipeline.formats.rlds.source import RldsSource, Steps, open_records, steps

IMAGES = (b"\x89PNG", b"\xff\xd8\xff")
"""What the files of images begin with."""
FLAGS = ("is_first", "is_last", "is_terminal", "reward", "discount")
"""What RLDS has in every step beside observation and action."""


class Options(DatasetOptions):
    """Features of a step that are read, such as observation/image."""

    cameras: Names = Field(min_length=1, description="features of images; put side by side")
    actions: Names = Field(default=("action",), min_length=1, description="features; joined")
    states: Names = Field(default=(), description="features; joined")
    discrete_actions: int | None = Field(
        default=None,
        gt=1,
        le=discrete.MOST,
        description="number of actions to choose from, which become one-hot; null: continuous",
    )


def build(options: Options) -> "Rlds":
    """The format's reader."""
    return Rlds(options)


def detect(folder: Path) -> Detected | None:
    """A folder with .tfrecord files; the first record says what a step has."""
    found = records.files(folder)
    if not found:
        return None
    facts: dict[str, object] = {"files": {name: len(paths) for name, paths in found.items()}}
    try:
        first = next((r for paths in found.values() for r in records.listed(paths[0])), None)
        if first is None:
            return Detected(
                "TFRecord", {}, facts | {"lacks": "episodes: the first files are empty"}
            )
        read = steps(first, str(first.path))
    except DataError as error:
        return Detected("TFRecord", {}, facts | {"lacks": str(error)})
    return Detected("RLDS", _chosen(read), facts | {"features": _features(read)})


def _images(read: Steps) -> list[str]:
    return sorted(
        name
        for name, values in read.values.items()
        if isinstance(values, list) and len(values) == read.length and values[0].startswith(IMAGES)
    )


def _chosen(read: Steps) -> dict[str, object]:
    images = _images(read)
    numbers = sorted(name for name in read.values if name not in FLAGS and read.width(name))
    actions = [name for name in numbers if name == "action" or name.startswith("action/")]
    states = [name for name in ("observation/state", "observation/proprio") if name in numbers]
    main = [name for name in images if name == "observation/image"] or images[:1]
    chosen: dict[str, object] = {"cameras": main} if main else {}
    return chosen | ({"actions": actions} if actions else {}) | {"states": states[:1]}


def _features(read: Steps) -> list[str]:
    images = _images(read)
    told = []
    for name in sorted(read.values):
        values = read.values[name]
        kind = "image" if name in images else "text"
        told.append(
            f"{name} {kind}"
            if isinstance(values, list)
            else f"{name} {values.dtype}[{read.width(name)}]"
        )
    return told


class Rlds:
    """RLDS episodes in TFRecord files; a `pipeline.formats.Format`."""

    interval = 1

    def __init__(self, options: Options) -> None:
        """A reader of the features that the options name."""
        self.options = options

    def open(self, raw: Path) -> RldsSource:
        """List the records of all files; none is parsed before it is indexed."""
        require(raw, "RLDS")
        options = self.options
        reading = Reading(
            options.cameras, options.actions, options.states, options.discrete_actions
        )
        return open_records(raw, reading)
