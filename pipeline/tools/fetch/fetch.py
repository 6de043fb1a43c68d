"""Fetch a published set: see what is missing, show it, agree on it, get it, note it down."""

import json
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import typer

from pipeline import stage
from pipeline.errors import DataError, ParamsError, did_you_mean
from pipeline.tools.fetch import plan as plans
from pipeline.tools.fetch.plan import Places, Plan, Wanted
from pipeline.tools.fetch.sets import SETS
from pipeline.tools.fetch.web import UnreachableError, Web

RECORD = "fetched.json"


@dataclass(frozen=True, slots=True)
class Note:
    """What DEST/fetched.json says of a set."""

    page: str
    folder: str
    revision: str | None
    episodes: int | None
    files: int
    """Files and bytes in the folder when all had arrived; none before that."""
    bytes: int


def fetch(name: str, wanted: Wanted, places: Places, *, ask: bool) -> Path:
    """Get what is missing of a set into its folder below DEST; return that folder.

    Args:
        name: the set, as params.yaml calls it.
        wanted: how much of it, and where to.
        places: where to look.
        ask: whether a person must agree first.

    Raises:
        ParamsError: the name or the revision is wrong.
        DataError: the place does not answer, the disk is too small, or bytes are not as announced.
    """
    if name not in SETS:
        raise ParamsError(f"{name!r} is no published set; {did_you_mean(name, SETS)}")
    source, dest = SETS[name], wanted.dest
    root = dest / source.folder
    if dest.exists() and not dest.is_dir():
        raise DataError(f"{dest}: is a file; name a folder")
    notes = _notes(dest)
    if name in notes and _covers(notes[name], wanted, root):
        print(f"fetch: {root} was fetched before and is as it was; nothing to download")
        return root
    try:
        with Web(places.delay) as web:
            plan = source.plan(wanted, places, web)
            if name in notes and notes[name].revision != plan.revision:
                raise DataError(
                    f"{root}: holds commit {notes[name].revision}; name another folder for "
                    f"{plan.revision}, or delete this one and {dest / RECORD}"
                )
            _agree(plan, dest, ask=ask)
            note = Note(source.page, source.folder, plan.revision, wanted.episodes, 0, 0)
            _write(dest, notes | {name: note})
            with plans.progress(sum(size for _, size in plan.files)) as advance:
                plan.run(advance)
    except UnreachableError as error:
        raise DataError(
            f"{error}; run this again to go on, or download it by hand from {source.page} into "
            f"{root} and set datasets.{name}.root to that folder"
        ) from None
    files, size = _contents(root)
    _write(dest, notes | {name: replace(note, files=files, bytes=size)})
    return root


def _agree(plan: Plan, dest: Path, *, ask: bool) -> None:
    plans.room(dest, plan.space)
    if plan.files:
        plans.show(plan, dest)
        if ask:
            typer.confirm("Download?", abort=True)


def interactive() -> bool:
    """Whether somebody is there to be asked."""
    return sys.stdin.isatty()


def _notes(dest: Path) -> dict[str, Note]:
    path = dest / RECORD
    if not path.exists():
        return {}
    try:
        return {name: Note(**facts) for name, facts in json.loads(path.read_text()).items()}
    except (ValueError, TypeError, AttributeError):
        raise DataError(f"{path}: is damaged; delete it, nothing is lost") from None


def _write(dest: Path, notes: dict[str, Note]) -> None:
    stage.write_json(dest / RECORD, {name: asdict(notes[name]) for name in sorted(notes)})


def _covers(note: Note, wanted: Wanted, root: Path) -> bool:
    """Whether a set was fetched as far as it is wanted, and is still as it was then."""
    if wanted.revision not in (None, note.revision):
        return False
    if note.episodes is not None and (wanted.episodes or sys.maxsize) > note.episodes:
        return False
    return note.files > 0 and (note.files, note.bytes) == _contents(root)


def _contents(root: Path) -> tuple[int, int]:
    sizes = [path.stat().st_size for path in root.rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)
