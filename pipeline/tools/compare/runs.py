"""The files of a run: those of a workspace, or copies from git and DVC's cache."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.arguments import PARAMS
from pipeline.encode.__main__ import command as encode
from pipeline.errors import DataError, ParamsError, UserError, did_you_mean
from pipeline.evaluate.__main__ import command as evaluate
from pipeline.files.content import parsing
from pipeline.files.yaml_file import read_yaml
from pipeline.fit.__main__ import command as fit
from pipeline.plan.__main__ import command as plan
from pipeline.tools.dvc import LOCK_FILE
from pipeline.tools.dvc_yaml import DVC_YAML
from pipeline.tools.dvc_yaml.read import Stage, stages
from pipeline.tools.tables import placed
from pipeline.train.__main__ import command as train

if TYPE_CHECKING:
    from dvc.api import DVCFileSystem
    from dvc.repo import Repo

READ: dict[str, tuple[Callable[..., None], tuple[str, ...]]] = {
    "fit": (fit, ("metrics", "seconds")),
    "encode": (encode, ("metrics", "seconds")),
    "train": (train, ("metrics", "curve", "validation", "seconds")),
    "evaluate": (evaluate, ("metrics", "dreams", "seconds")),
    "plan": (plan, ("metrics", "films", "seconds")),
}
"""What is compared: of each stage, the parameters of its command that are read."""


@dataclass(frozen=True, slots=True)
class Run:
    """One of the runs.

    Attributes:
        name: as the user has it; of a folder the last part alone, if that is enough.
        folder: where its files are.
        params: its params.yaml, not checked: that of an old revision may be refused today.
        paths: its files, by stage and parameter of the stage's command.
        absent: why one of them is not there, by its path.
        stale: what the metrics of a stage were made with, where its params are others now.
    """

    name: str
    folder: Path
    params: Mapping[str, Any]
    paths: Mapping[tuple[str, str], Path]
    absent: dict[Path, str] = field(default_factory=dict)
    stale: tuple[str, ...] = ()


def open_runs(words: Sequence[str], copies: Path) -> list[Run]:
    """The runs that these words name; those of git are copied below the folder `copies`.

    Raises:
        UserError: there are fewer than two, one is named twice, or there is no such run.
    """
    if len(words) < 2:
        raise ParamsError(
            f"wm compare {' '.join(words)}: is one run; name two or more, such as . for the "
            "workspace as it is"
        )
    for word in words:
        if words.count(word) > 1:
            raise ParamsError(f"wm compare: {word} is named twice; name it once")
    runs = [
        _workspace(word) if Path(word).is_dir() else _revision(word, copies / str(number))
        for number, word in enumerate(words)
    ]
    short = ["workspace" if word == "." else Path(word).name for word in words]
    unique = [name if short.count(name) == 1 else None for name in short]
    return [
        replace(run, name=name) if name and Path(run.name).is_dir() else run
        for run, name in zip(runs, unique, strict=True)
    ]


def _workspace(word: str) -> Run:
    folder = Path(word)
    for name in (PARAMS, DVC_YAML):
        if not (folder / name).is_file():
            raise DataError(f"{folder}: holds no {name}, so it is no workspace; name one")
    run = _run(word, folder)
    absent = {path: "is not there" for path in run.paths.values() if not path.is_file()}
    return replace(run, absent=absent)


def _revision(word: str, copies: Path) -> Run:
    """Copy what is compared from git and DVC's cache (or its remote); nothing is checked out."""
    tree = _tree(word)
    for name in (PARAMS, DVC_YAML):
        if fault := _copy(tree, name, copies / name):
            raise DataError(f"{word}: holds no {name} ({fault}); name a revision of a pipeline")
    _copy(tree, LOCK_FILE, copies / LOCK_FILE)
    run = _run(word, copies)
    found = {path: _copy(tree, path.relative_to(copies), path) for path in run.paths.values()}
    absent = {path: fault for path, fault in found.items() if fault is not None}
    return replace(run, absent=absent)


def _tree(word: str) -> "DVCFileSystem":
    """The files of a revision or an experiment of the repository here."""
    from dvc.api import DVCFileSystem
    from dvc.exceptions import NotDvcRepoError
    from dvc.repo import Repo
    from dvc.scm import NoSCM, RevError, resolve_rev

    try:
        repo = Repo()
    except NotDvcRepoError:
        raise DataError(
            f"{word}: no such folder, and {Path.cwd()} is no repository of DVC that could know an "
            "experiment or a revision of this name; name a folder, or run in a workspace"
        ) from None
    with repo:
        if isinstance(repo.scm, NoSCM):
            raise DataError(f"{word}: no such folder, and without git there are no revisions")
        try:
            revision = resolve_rev(repo.scm, word)
        except RevError:
            raise ParamsError(
                f"{word}: no such folder, experiment or revision; "
                f"{did_you_mean(word, _names(repo))}"
            ) from None
        return DVCFileSystem(repo.root_dir, rev=revision)


def _names(repo: "Repo") -> list[str]:
    """Experiments, branches and tags."""
    found = repo.experiments.ls(all_commits=True).values()
    experiments = [name for names in found for name, _ in names]
    return [*experiments, *repo.scm.list_branches(), *repo.scm.list_tags()]


def _copy(tree: "DVCFileSystem", path: Path, to: Path) -> str | None:
    """Copy a file of a revision; why not, if it is neither in git nor in a cache."""
    from dvc.exceptions import DvcException

    to.parent.mkdir(parents=True, exist_ok=True)
    try:
        to.write_bytes(tree.read_bytes(path.as_posix()))
    except (OSError, DvcException):
        tracked = tree.exists(path.as_posix())
        return "is not in DVC's cache" if tracked else "is not in this revision"
    return None


def _run(word: str, folder: Path) -> Run:
    from pipeline import params

    try:
        values = params.parse(folder / PARAMS)
        known = stages(folder / DVC_YAML)
        with parsing(f"{word}: {PARAMS}", "correct it, or compare another run"):
            filled = {name: known[name].filled(values) for name in READ if name in known}
        paths = {
            (name, parameter): folder / path
            for name, stage in filled.items()
            for parameter, path in _handed(stage, READ[name][0]).items()
            if parameter in READ[name][1]
        }
    except UserError as error:
        raise type(error)(str(error).replace(str(folder), word)) from None
    return Run(word, folder, values, paths, stale=_stale(word, folder / LOCK_FILE, values))


def _stale(word: str, lock: Path, params: Mapping[str, Any]) -> tuple[str, ...]:
    """Params that dvc.lock has otherwise for a stage: those of its last run."""
    if not lock.is_file():
        return ()
    way_out = "restore it, or compare another run"
    entries = read_yaml(lock, way_out)
    found = []
    with parsing(f"{word}: {LOCK_FILE}", way_out):
        for stage in set(READ) & set(entries["stages"]):
            ran_with = entries["stages"][stage].get("params", {}).get(PARAMS.name, {})
            before, now = flat(ran_with), flat({key: _at(params, key) for key in ran_with})
            keys = [key for key in before if not _same(before[key], now.get(key))]
            found += [f"{stage} last ran with {key} = {before[key]}" for key in keys]
    return tuple(sorted(found))


def _same(locked: Any, value: Any) -> bool:
    """DVC writes YAML 1.2, whose 1e-08 is a number; in YAML 1.1, which we read, it is text."""
    if isinstance(locked, str) and isinstance(value, float):
        return locked == f"{value}"
    return bool(locked == value)


def _at(values: Mapping[str, Any], dotted: str) -> Any:
    block, last = placed(dict(values), dotted)
    return block.get(last)


def flat(values: Mapping[str, Any], place: str = "") -> dict[str, Any]:
    """Dotted keys and values of nested blocks."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        inner = (
            flat(value, f"{place}{key}.") if isinstance(value, dict) else {f"{place}{key}": value}
        )
        found |= inner
    return found


def _handed(stage: Stage, command: Callable[..., None]) -> dict[str, str]:
    """The words that a stage hands to its command, by the command's parameters.

    The stage of an old revision may hand fewer: they are what its first parameters were.
    """
    words = stage.command[3:]
    count = next((n for n, word in enumerate(words) if word.startswith("--")), len(words))
    names = list(inspect.signature(command).parameters)[:count]
    names += [word.removeprefix("--") for word in words[count::2]]
    return dict(zip(names, [*words[:count], *words[count + 1 :: 2]], strict=False))
