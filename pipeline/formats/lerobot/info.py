"""meta/info.json: the version, the features and the path templates."""

import glob
import re
import string
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from pipeline.errors import DataError, did_you_mean

FILE = "meta/info.json"
BLOCK = "datasets.NAME"
"""The options of a data set in params.yaml."""
FETCH = f"fetch it again, or set {BLOCK}.episodes to how many were fetched"
COUNTERS = ("timestamp", "frame_index", "episode_index", "index", "task_index")
"""Features that every data set has."""
_NUMBER = re.compile(r"(float|u?int)\d+|bool")
_FIELDS = {"episode_chunk", "episode_index", "chunk_index", "file_index", "video_key"}
_LONGEST = 255  # bytes of a file's name
_SPEC = re.compile(r"(0?\d)?d?")


class Feature(BaseModel):
    """One column of a data set; its dtype is that of its values, `video` or `image`.

    `info`, `video_info` in the first sets of v2.0, says how a camera was recorded.
    """

    model_config = ConfigDict(frozen=True)

    dtype: str
    shape: tuple[int, ...]
    info: JsonValue = None
    video_info: JsonValue = None


class Info(BaseModel):
    """The fields of info.json that the reader needs; all others are ignored."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    codebase_version: Literal["v2.0", "v2.1", "v3.0"]
    total_episodes: int = Field(gt=0)
    chunks_size: int = Field(gt=0)
    fps: int | float = Field(gt=0, le=1e6)
    data_path: str
    video_path: str | None
    features: dict[str, Feature]


class Place(NamedTuple):
    """The two indices in a file's name: chunk and episode in v2, chunk and file in v3."""

    chunk: int
    file: int


def key(number: int) -> str:
    """Name of an episode."""
    return f"episode_{number:06d}"


def read(raw: Path) -> Info:
    """Read the info.json of a folder.

    Raises:
        DataError: the file is missing, damaged, or of an unsupported version.
    """
    path = raw / FILE
    if not path.is_file():
        raise DataError(f"{path}: no such file; the LeRobot layout needs it; fetch it again")
    try:
        return Info.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        if name == "codebase_version":
            version = f"codebase_version = {first['input']!r} is unknown; known: v2.0, v2.1, v3.0"
            raise DataError(f"{path}: {version}; convert it by lerobot's scripts") from None
        raise DataError(f"{path}: {name}: {first['msg']}; fetch it again") from None


def vectors(info: Info, names: Sequence[str], option: str, raw: Path) -> dict[str, int]:
    """Sizes of features that are vectors of numbers.

    Args:
        info: of the data set.
        names: of the features.
        option: that names them in params.yaml.
        raw: the data set's folder.

    Raises:
        DataError: there is no such feature, or it is something else.
    """
    sizes: dict[str, int] = {}
    for name in names:
        if name not in info.features:
            hint = did_you_mean(name, numbers(info))
            raise DataError(f"{raw / FILE}: has no feature {name!r} ({BLOCK}.{option}); {hint}")
        feature = info.features[name]
        if name not in numbers(info) or feature.shape[0] < 1:
            raise DataError(
                f"{raw / FILE}: {name} is {feature.dtype} of shape {list(feature.shape)}; "
                "only vectors [D] of numbers are supported"
            )
        sizes[name] = feature.shape[0]
    return sizes


def numbers(info: Info) -> list[str]:
    """Names of the features that are vectors of numbers, but for those that count the frames."""
    return [
        name
        for name, feature in info.features.items()
        if _NUMBER.fullmatch(feature.dtype) and len(feature.shape) == 1 and name not in COUNTERS
    ]


def fill(template: str, place: Place, video_key: str = "") -> PurePosixPath:
    """Fill in a `data_path` or `video_path`; the path is relative to the data set's folder.

    Raises:
        DataError: a field or its format is unknown, or the path leads out of the folder.
    """
    prefix = f"{FILE}: path {template!r}"
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise DataError(f"{prefix} is no template ({error}); fetch it again") from None
    for _, field, spec, conversion in parts:
        if field is None:
            continue
        if field not in _FIELDS:
            raise DataError(f"{prefix} has an unknown field; {did_you_mean(field, _FIELDS)}")
        if conversion or not _SPEC.fullmatch(spec or ""):
            raise DataError(f"{prefix} formats {field} by {spec!r}; expected a format such as 03d")
    path = PurePosixPath(
        template.format(
            episode_chunk=place.chunk,
            chunk_index=place.chunk,
            episode_index=place.file,
            file_index=place.file,
            video_key=video_key,
        )
    )
    if not path.parts or any(len(part.encode()) > _LONGEST for part in path.parts):
        raise DataError(f"{prefix} names no file; fetch it again")
    if path.is_absolute() or ".." in path.parts:
        raise DataError(f"{prefix} leads out of the folder to {path}; use a set that you trust")
    return path


def pattern(template: str, **known: int | str) -> str:
    """The glob of the files of a path template that `fill` accepts.

    Args:
        template: a `data_path` or `video_path`.
        known: values of its fields; the others match anything.
    """
    parts = []
    for literal, field, spec, _ in string.Formatter().parse(template):
        parts.append(glob.escape(literal))
        if field is not None:
            value = format(known[field], spec or "") if field in known else None
            parts.append("*" if value is None else glob.escape(value))
    return re.sub(r"\*+", "*", "".join(parts))
