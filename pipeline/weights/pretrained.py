"""Published weights: found here or on the hub, checked, and remembered instead of copied."""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, ConfigDict, Field

from pipeline.checksum import sha256
from pipeline.errors import DataError, ParamsError
from pipeline.params import Params

POINTER = "weights.json"
"""Stands in a codec folder for the weights themselves."""
CONNECT, ANSWER = 3.0, 10.0
"""Seconds that the hub is given to be reached, and to answer, before a download is tried."""


class Weights(Params):
    """Which weights an encoder takes."""

    source: str = Field(min_length=1, description="a folder or file here, or OWNER/NAME on the hub")
    file: str | None = Field(description="path within the folder or repository")
    revision: str | None = Field(
        pattern=r"^[0-9a-f]{40}$", description="commit on the hub; null where they are here"
    )
    sha256: str | None = Field(
        pattern=r"^[0-9a-f]{64}$",
        description="of the file, or what `sha256sum FILES | sha256sum` gives; null: not checked",
    )


class Pointer(BaseModel):
    """What a codec folder keeps of weights: the same bytes on every machine.

    Attributes:
        place: the block of params.yaml that names them.
        files: what the encoder needs of a folder; empty where it needs one file.
        weights: that block, with the digest that was found.
    """

    model_config = ConfigDict(frozen=True)

    place: str
    files: tuple[str, ...]
    weights: Weights


@dataclass(frozen=True, slots=True)
class Located:
    """Weights that are on this machine: a file, or the folder that holds the pointer's files."""

    path: Path
    pointer: Pointer


def locate(weights: Weights, place: str, files: Sequence[str] = ()) -> Located:
    """Find the weights on this machine, or download them into the hub's own cache.

    Nothing is unpacked or executed. A file is asked for where `files` is empty, else a folder.

    Args:
        weights: the options, which stand in params.yaml at `place`.
        place: such as "encoders.sd_vae.weights".
        files: names of the files that are needed of a folder, in the order of its digest.

    Raises:
        DataError: they are neither here nor on the hub, or are not the ones that sha256 names.
        ParamsError: they are not here, and no revision of the hub's is named.
    """
    path = _path(weights, place, files)
    digest = _digest(path, files)
    if weights.sha256 not in (None, digest):
        raise DataError(
            f"{place}.sha256 = {weights.sha256}, but {path} has {digest}; {_remedy(place, files)}, "
            "or set the key to null to take these"
        )
    found = weights.model_copy(update={"sha256": digest})
    return Located(path, Pointer(place=place, files=tuple(files), weights=found))


def remember(folder: Path, located: Located) -> None:
    """Write into a codec folder which weights it stands for."""
    (folder / POINTER).write_text(located.pointer.model_dump_json(indent=2) + "\n")


def recall(folder: Path) -> Located:
    """Find the weights again that `remember` wrote of, by the same path or on the hub.

    All bytes are read, as other weights may well have the same size: 1.2 GB take 0.8 s.

    Raises:
        DataError: they are gone, or others stand in their place.
    """
    pointer = Pointer.model_validate_json((folder / POINTER).read_text())
    path = _path(pointer.weights, pointer.place, pointer.files)
    digest = _digest(path, pointer.files)
    if digest != pointer.weights.sha256:
        raise DataError(
            f"{path}: not the weights that {folder} was made with (sha256 {digest}, not "
            f"{pointer.weights.sha256}); put those back, or take these with `dvc repro -f fit`"
        )
    return Located(path, pointer)


def _path(weights: Weights, place: str, files: Sequence[str]) -> Path:
    source, inside = Path(weights.source), PurePosixPath(weights.file or "")
    if source.is_file() and not files:
        return source
    if not files and weights.file is None:
        said = "no such file; put it there, or name the file of a folder or repository"
        if source.is_dir():
            said = "is a folder; name the file in it"
        raise DataError(f"{source}: {said} by {place}.file")
    names = [str(inside / name) for name in files or [""]]
    if not source.exists():
        found = [_from_hub(weights, name, place, files) for name in names]
        return found[0].parent if files else found[0]
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
    """A file of the hub, from its cache on this machine where it is there.

    A download tries for half a minute, and says so at each try: right where the hub is busy, but
    not where there is no way to it. So it is first asked for any answer at all, once.
    """
    from httpx2 import ReadTimeout, Timeout
    from huggingface_hub import get_session, hf_hub_download, hf_hub_url, try_to_load_from_cache

    if not isinstance(try_to_load_from_cache(repository, name, revision=commit), str):
        url = hf_hub_url(repository, name, revision=commit)
        with suppress(ReadTimeout):
            get_session().head(url, timeout=Timeout(ANSWER, connect=CONNECT))
    return Path(hf_hub_download(repository, name, revision=commit))


def _remedy(place: str, files: Sequence[str]) -> str:
    wanted = f"a folder that holds {' and '.join(files)}" if files else "the file"
    return f"point {place}.source at {wanted}"


def _digest(path: Path, files: Sequence[str]) -> str:
    """Of a file; of a folder the digest of what sha256sum prints of its files."""
    if not files:
        return sha256(path)
    lines = "".join(f"{sha256(path / name)}  {name}\n" for name in files)
    return hashlib.sha256(lines.encode()).hexdigest()
