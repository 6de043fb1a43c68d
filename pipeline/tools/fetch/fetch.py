"""Fetch a published data set: list what is missing, confirm, download, record it."""

import sys
from pathlib import Path

import typer
from pydantic import Field, RootModel

from pipeline import stage
from pipeline.download.disk import require_space
from pipeline.download.progress import progress
from pipeline.download.web import HttpClient, UnreachableError
from pipeline.errors import DataError, ParamsError, did_you_mean
from pipeline.files.json_model import FileModel, read_json
from pipeline.files.names import InnerPath
from pipeline.tools.fetch import plan as plans
from pipeline.tools.fetch.plan import FEWER, Endpoints, Plan, Request
from pipeline.tools.fetch.sets import SETS

RECORDS = "fetched.json"


class Record(FileModel):
    """Entry of one data set in DEST/fetched.json."""

    page: str
    folder: InnerPath
    revision: str | None
    episodes: int | None = Field(ge=0)
    files: int = Field(ge=0)
    """Files and bytes in the folder once the download was complete; 0 before that."""
    bytes: int = Field(ge=0)


class Records(RootModel[dict[str, Record]]):
    """DEST/fetched.json."""


def fetch(name: str, request: Request, endpoints: Endpoints, *, confirm: bool) -> Path:
    """Download what is missing of a data set into its folder below DEST; return that folder.

    Args:
        name: of the data set in params.yaml.
        request: how much of it, and where to.
        endpoints: of OSF and the hub.
        confirm: whether to ask before downloading.

    Raises:
        ParamsError: the name or the revision is unknown.
        DataError: the server does not answer, the disk is too small, or a checksum does not match.
    """
    if name not in SETS:
        raise ParamsError(f"{name!r} is not a published data set; {did_you_mean(name, SETS)}")
    source, dest = SETS[name], request.dest
    root = dest / source.folder
    if dest.exists() and not dest.is_dir():
        raise DataError(f"{dest}: is a file, not a folder")
    records = _read_records(dest)
    if name in records and _is_up_to_date(records[name], request, root):
        print(f"fetch: {root} is complete; nothing to download")
        return root
    try:
        with HttpClient(endpoints.delay) as http:
            plan = source.plan(request, endpoints, http)
            if name in records and records[name].revision != plan.revision:
                raise DataError(
                    f"{root}: holds commit {records[name].revision}; choose another folder for "
                    f"{plan.revision}, or delete this one and {dest / RECORDS}"
                )
            _confirm(plan, dest, confirm=confirm)
            record = Record(
                page=source.page,
                folder=source.folder,
                revision=plan.revision,
                episodes=request.episodes,
                files=0,
                bytes=0,
            )
            _write(dest, records | {name: record})
            with progress(sum(size for _, size in plan.files)) as advance:
                plan.run(advance)
    except UnreachableError as error:
        raise DataError(
            f"{error}; run the command again to resume, or download {source.page} by hand into "
            f"{root} and set datasets.{name}.root to that folder"
        ) from None
    files, size = _contents(root)
    _write(dest, records | {name: record.model_copy(update={"files": files, "bytes": size})})
    return root


def _confirm(plan: Plan, dest: Path, *, confirm: bool) -> None:
    require_space(dest, plan.space, FEWER)
    if plan.files:
        plans.show(plan, dest)
        if confirm:
            typer.confirm("Download?", abort=True)


def interactive() -> bool:
    """Whether standard input is a terminal."""
    return sys.stdin.isatty()


def _read_records(dest: Path) -> dict[str, Record]:
    path = dest / RECORDS
    if not path.exists():
        return {}
    return read_json(path, Records, "delete it, the data sets stay").root


def _write(dest: Path, records: dict[str, Record]) -> None:
    stage.write_json(dest / RECORDS, {name: records[name].model_dump() for name in sorted(records)})


def _is_up_to_date(record: Record, request: Request, root: Path) -> bool:
    """Whether the requested episodes were fetched and the folder has not changed since."""
    if request.revision not in (None, record.revision):
        return False
    if record.episodes is not None and (request.episodes or sys.maxsize) > record.episodes:
        return False
    return record.files > 0 and (record.files, record.bytes) == _contents(root)


def _contents(root: Path) -> tuple[int, int]:
    sizes = [path.stat().st_size for path in root.rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)
