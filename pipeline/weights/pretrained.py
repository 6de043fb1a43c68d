"""Published weights: located here or on the hub, verified, and pointed to instead of copied."""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import ClassVar

from pydantic import Field

from pipeline.checksum import sha256
from pipeline.errors import DataError, ParamsError
from pipeline.files.json_model import FileModel, read_json
from pipeline.files.names import FileName, InnerPath
from pipeline.files.places import from_project
from pipeline.params import Params

POINTER = "weights.json"
"""File of a codec folder that names published weights in place of a copy."""
CONNECT_TIMEOUT, READ_TIMEOUT = 3.0, 10.0
"""Seconds to connect to the hub, and to get an answer, before a download is tried."""


class Weights(Params):
    """Which published weights an encoder uses."""

    source: str = Field(min_length=1, description="a folder or file here, or OWNER/NAME on the hub")
    file: InnerPath | None = Field(description="path within the folder or repository")
    revision: str | None = Field(
        pattern=r"^[0-9a-f]{40}$", description="commit on the hub; null where they are here"
    )
    sha256: str | None = Field(
        pattern=r"^[0-9a-f]{64}$",
        description="of the file, or what `sha256sum FILES | sha256sum` gives; null: not checked",
    )


class WithWeights(Params):
    """Options with a block `weights`, which `wm weights` lists and fetches."""

    weight_files: ClassVar[tuple[str, ...]] = ()
    """Files that it needs of a folder or repository; none if it needs a single file."""
    weights_by_hand: ClassVar[str | None] = None
    """How to get weights that are on no hub, in a line; None if they are."""


class Pointer(FileModel):
    """weights.json: which weights a codec uses; the same bytes on every machine.

    Attributes:
        place: the block of params.yaml that names them.
        files: files that the encoder needs of a folder; empty if it needs a single file.
        weights: that block, with the actual digest.
    """

    place: str
    files: tuple[FileName, ...]
    weights: Weights


@dataclass(frozen=True, slots=True)
class LocatedWeights:
    """Verified weights on this machine: a file, or the folder with the files of the pointer."""

    path: Path
    pointer: Pointer


def locate(weights: Weights, place: str, files: Sequence[str] = ()) -> LocatedWeights:
    """Locate weights on this machine, or download them into the hub's own cache, and verify them.

    Nothing is unpickled or executed. Empty `files` mean a single file, else a folder is needed.

    Args:
        weights: the options, which stand in params.yaml at `place`.
        place: such as "encoders.sd_vae.weights".
        files: names of the files that are needed, in the order of the folder's digest.

    Raises:
        DataError: they are neither here nor on the hub, or their sha256 is another one.
        ParamsError: they are not here, and no revision is set.
    """
    path = _path(weights, place, files)
    actual = digest(path, files)
    if weights.sha256 not in (None, actual):
        raise DataError(
            f"{place}.sha256 = {weights.sha256}, but {path} has {actual}; {_remedy(place, files)}, "
            "or set the key to null to take these"
        )
    verified = weights.model_copy(update={"sha256": actual})
    return LocatedWeights(path, Pointer(place=place, files=tuple(files), weights=verified))


def found(weights: Weights, files: Sequence[str]) -> Path | None:
    """Where weights lie on this machine; None if they would have to be downloaded."""
    from huggingface_hub import try_to_load_from_cache

    source, inside = from_project(weights.source), PurePosixPath(weights.file or "")
    if source.is_file() and not files:
        return source
    names = [str(inside / name) for name in files or [""]]
    if source.exists():
        whole = files or weights.file is not None
        here = whole and all((source / name).is_file() for name in names)
        return source / inside if here else None
    if weights.revision is None or not (files or weights.file):
        return None
    cached = [try_to_load_from_cache(weights.source, n, revision=weights.revision) for n in names]
    paths = [Path(path) for path in cached if isinstance(path, str)]
    if len(paths) < len(names):
        return None
    return paths[0].parent if files else paths[0]


def write_pointer(folder: Path, located: LocatedWeights) -> None:
    """Write weights.json into a codec folder."""
    (folder / POINTER).write_text(located.pointer.model_dump_json(indent=2) + "\n")


def locate_again(folder: Path) -> LocatedWeights:
    """Locate the weights that weights.json in `folder` names, by the same path or on the hub.

    The digest is computed anew, as other weights may have the same size: 1.2 GB take 0.8 s.

    Raises:
        DataError: they are gone, or have been replaced.
    """
    pointer = read_json(folder / POINTER, Pointer, "make it again: `dvc repro -f fit`")
    path = _path(pointer.weights, pointer.place, pointer.files)
    actual = digest(path, pointer.files)
    if actual != pointer.weights.sha256:
        raise DataError(
            f"{path}: not the weights that {folder} was made with (sha256 {actual}, not "
            f"{pointer.weights.sha256}); put those back, or take these with `dvc repro -f fit`"
        )
    return LocatedWeights(path, pointer)


def _path(weights: Weights, place: str, files: Sequence[str]) -> Path:
    source, inside = from_project(weights.source), PurePosixPath(weights.file or "")
    if source.is_file() and not files:
        return source
    if not files and weights.file is None:
        problem = "no such file; put it there, or name the file of a folder or repository"
        if source.is_dir():
            problem = "is a folder; name the file in it"
        raise DataError(f"{source}: {problem} by {place}.file")
    names = [str(inside / name) for name in files or [""]]
    if not source.exists():
        paths = [_from_hub(weights, name, place, files) for name in names]
        return paths[0].parent if files else paths[0]
    for name in names:
        if not (source / name).is_file():
            raise DataError(
                f"{source / name}: no such file; put it there, or {_remedy(place, files)}"
            )
    return source / inside


def _from_hub(weights: Weights, name: str, place: str, files: Sequence[str]) -> Path:
    from httpx2 import HTTPError
    from huggingface_hub.errors import HFValidationError

    if weights.revision is None:
        raise ParamsError(
            f"{place}.revision = null, and {weights.source} is not here: set it to the commit of "
            f"the hub's repository that is wanted, or {_remedy(place, files)}"
        )
    try:
        return _downloaded(weights.source, name, weights.revision)
    except (HTTPError, HFValidationError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(
            f"{place}.source = {weights.source!r}: not here, and the hub does not give {name} at "
            f"{weights.revision} ({reason}); {_remedy(place, files)}"
        ) from None


def _downloaded(repository: str, name: str, commit: str) -> Path:
    """A file of the hub, from its cache on this machine if it is there.

    A download retries for half a minute and logs each try, which suits a busy hub, but not an
    unreachable one. So a single HEAD request comes first.
    """
    from httpx2 import ReadTimeout, Timeout
    from huggingface_hub import get_session, hf_hub_download, hf_hub_url, try_to_load_from_cache

    if not isinstance(try_to_load_from_cache(repository, name, revision=commit), str):
        url = hf_hub_url(repository, name, revision=commit)
        with suppress(ReadTimeout):
            get_session().head(url, timeout=Timeout(READ_TIMEOUT, connect=CONNECT_TIMEOUT))
    return Path(hf_hub_download(repository, name, revision=commit))


def _remedy(place: str, files: Sequence[str]) -> str:
    target = f"a folder that holds {' and '.join(files)}" if files else "the file"
    return f"point {place}.source at {target}"


def digest(path: Path, files: Sequence[str]) -> str:
    """SHA-256 of a file; of a folder, that of the output of sha256sum for its files."""
    if not files:
        return sha256(path)
    lines = "".join(f"{sha256(path / name)}  {name}\n" for name in files)
    return hashlib.sha256(lines.encode()).hexdigest()
