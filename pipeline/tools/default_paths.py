"""Stages as `wm` calls them: paths that are not given are those of dvc.yaml."""

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.errors import DataError, ParamsError, did_you_mean

if TYPE_CHECKING:
    from pipeline.tools.dvc_yaml.read import Stage

FOLDER = "workspace"
Folder = Annotated[
    Path | None,
    typer.Option(
        "--dir", metavar="FOLDER", help="Run for a workspace elsewhere, as if called from there."
    ),
]


def with_default_paths(stage: str, command: Callable[..., None]) -> Callable[..., None]:
    """The command of a stage, whose arguments may all be left out, and with an option `--dir`.

    Without them it takes the words that dvc.yaml has for the stage, selectors filled in from
    params.yaml; options that are given have precedence over those of dvc.yaml.

    Args:
        stage: its name in dvc.yaml.
        command: a Typer command, all of whose arguments are paths without a default.
    """
    parameters = inspect.signature(command).parameters
    arguments = {n: _metavar(p) for n, p in parameters.items() if p.default is p.empty}

    @functools.wraps(command)
    def filled(**given: Any) -> None:
        with _inside(given.pop(FOLDER)):
            missing = [label for name, label in arguments.items() if given[name] is None]
            if missing and len(missing) < len(arguments):
                raise ParamsError(
                    f"wm {stage}: {len(arguments) - len(missing)} of {len(arguments)} paths are "
                    f"given, without {_listed(missing)}; give all, or none to take those of "
                    "dvc.yaml"
                )
            command(**(given | _words(stage, arguments, given) if missing else given))

    signature = [_optional(p) if n in arguments else p for n, p in parameters.items()]
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    signature.append(inspect.Parameter(FOLDER, kind, default=None, annotation=Folder))
    vars(filled)["__signature__"] = inspect.Signature(signature)
    filled.__annotations__ = {parameter.name: parameter.annotation for parameter in signature}
    filled.__doc__ = f"{command.__doc__}\n\nWithout paths, it takes those of dvc.yaml."
    return filled


def _metavar(argument: inspect.Parameter) -> str:
    info = argument.annotation.__metadata__[0]
    return info.metavar or argument.name.upper()


def _optional(argument: inspect.Parameter) -> inspect.Parameter:
    kind, metadata = argument.annotation.__origin__, argument.annotation.__metadata__
    return argument.replace(default=None, annotation=Annotated[kind | None, metadata[0]])


@contextlib.contextmanager
def _inside(folder: Path | None) -> Iterator[None]:
    if folder is None:
        yield
        return
    if not folder.is_dir():
        raise DataError(f"--dir {folder}: no such folder; name one that holds a dvc.yaml")
    with contextlib.chdir(folder):
        yield


def _words(stage: str, arguments: dict[str, str], given: dict[str, Any]) -> dict[str, Path]:
    """What dvc.yaml hands to a stage and the user does not, by the names of its parameters."""
    words = _read(stage, arguments, given["params"]).command[3:]
    count = next((n for n, word in enumerate(words) if word.startswith("--")), len(words))
    if count != len(arguments):
        raise DataError(
            f"dvc.yaml: hands {count} paths to the stage {stage}, which takes {len(arguments)}: "
            f"{_listed(arguments.values())}; correct its cmd, or give the paths"
        )
    options = [word.removeprefix("--").replace("-", "_") for word in words[count::2]]
    values = dict(
        zip([*arguments, *options], [*words[:count], *words[count + 1 :: 2]], strict=False)
    )
    if (len(words) - count) % 2 or not values.keys() <= given.keys():
        raise DataError(
            f"dvc.yaml: stage {stage} has options that `wm {stage}` cannot take from there: "
            f"{' '.join(words[count:])}; write them as `--name value`, or give the paths"
        )
    return {name: Path(value) for name, value in values.items() if given[name] is None}


def _read(stage: str, arguments: dict[str, str], params_file: Path) -> "Stage":
    """The stage in the dvc.yaml here."""
    from pipeline import params
    from pipeline.tools.dvc_yaml import DVC_YAML
    from pipeline.tools.dvc_yaml.read import stages

    if not DVC_YAML.is_file():
        raise ParamsError(
            f"wm {stage}: {Path.cwd()} has no {DVC_YAML} to take paths from; run in a workspace, "
            f"name one by --dir, or give {_listed(arguments.values())}"
        )
    known = stages(DVC_YAML)
    if stage not in known:
        raise DataError(f"{DVC_YAML}: has no stage {stage}; {did_you_mean(stage, known)}")
    return known[stage].filled(params.read(params_file).values)


def _listed(labels: Iterable[str]) -> str:
    return ", ".join(labels)
