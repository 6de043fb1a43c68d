"""Where the files of a data set are: a folder of the user's, or the hub's at a pinned commit."""

import re
from pathlib import Path

from pipeline.errors import DataError
from pipeline.files.places import from_project
from pipeline.formats import DatasetOptions

COMMIT = re.compile(r"[0-9a-f]{40}")
ID = re.compile(r"\w[\w.-]*/\w[\w.-]*")
"""The hub's id of a data set: OWNER/NAME."""


def place_of(options: DatasetOptions, data: Path) -> str | None:
    """The folder that a set is read from, which need not be there yet; None simulates it.

    Args:
        options: with `revision`, `root` is the id of a data set on the hub.
        data: folder of the set's outputs, such as data/pusht; the hub's files are put there.
    """
    if options.root is None or options.revision is None:
        return options.root
    return str(data / "hub" / options.revision)


def provide(options: DatasetOptions, data: Path) -> str | None:
    """The same; what is on the hub is downloaded first, unless it was before.

    Raises:
        DataError: the revision is no commit, or the download fails; it is resumed the next time.
    """
    place = place_of(options, data)
    if options.root is None or place is None:
        return None
    if options.revision is not None:
        check_pinned(options.root, options.revision, data.name)
        if not from_project(place).is_dir():
            from pipeline.download.snapshot import download

            download(options.root, options.revision, Path(place))
    elif ID.fullmatch(place) and not from_project(place).is_dir():
        from pipeline.download.snapshot import commit_of

        if commit := commit_of(place):
            raise DataError(
                f"datasets.{data.name}.root: {place} is no folder in {Path.cwd()}, but a data set "
                f"on the hub; to download it, set datasets.{data.name}.revision: {commit}"
            )
    return place


def check_pinned(root: str, revision: str, name: str) -> None:
    """Check that a data set on the hub is named by its id and a commit.

    Raises:
        DataError: it is not; the line names the commit, if the hub says it.
    """
    key = f"datasets.{name}"
    if not ID.fullmatch(root):
        raise DataError(
            f"{key}.root = {root!r} is no id of a data set on the hub, such as lerobot/pusht; "
            f"correct it, or remove {key}.revision if it is a folder"
        )
    if not COMMIT.fullmatch(revision):
        from pipeline.download.snapshot import commit_of

        commit = commit_of(root, revision)
        pin = f"{commit}, where it is now" if commit else "one (40 hexadecimal digits)"
        raise DataError(
            f"{key}.revision = {revision!r} is no commit, so the files may change; set it to {pin}"
        )
