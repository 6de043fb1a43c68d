"""`wm run`: check params.yaml as it will be, before DVC touches anything; then run DVC."""

import logging
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.arguments import PARAMS

if TYPE_CHECKING:
    from pipeline.params import Settings

PASSED_ON = {"ignore_unknown_options": True}
"""Settings of the command: it hands options that are not its own on to DVC."""
UNFINISHED = "the same command goes on after the stages that are"
QUEUED = ("--queue", "--temp")


def command(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="STAGE",
            help="Run this stage, and those before it that have changed; default: all. Options of "
            "DVC are handed on: -f (run again), -s (this stage alone), -n NAME, --queue, ...",
        ),
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "-S",
            "--set-param",
            metavar="KEY=VALUE",
            help="Change params.yaml and record the run as an experiment; may be repeated.",
        ),
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Change params.yaml to a published protocol of planning (wm protocols lists "
            "them), but for the keys of -S.",
        ),
    ] = None,
) -> None:
    """Run what has changed, by DVC: dvc exp run with the changes of -S, else dvc repro.

    params.yaml as it will be, the stages and the options of DVC are checked before anything runs.
    A run that fails or is interrupted puts back the metrics and plots that DVC deleted for it.

    \b
    wm run                              all stages
    wm run train                        up to the training
    wm run -S encoder=patch_pca -n pca  an experiment of that name
    wm run -S train.seed=0,1,2 --queue  one each; dvc queue start runs them
    wm run --protocol dino_wm plan      planning as DINO-WM does
    """  # noqa: D301 (Typer keeps the lines after \\b as they are)
    from pipeline.tools import dvc

    changes, words = [*_of_protocol(protocol, changes or []), *(changes or [])], words or []
    checked = _checked(changes)
    experiment = bool(changes) or not set(words).isdisjoint(QUEUED)
    call = ("exp", "run") if experiment else ("repro",)
    _check_words(call, words)
    sets = [word for change in changes for word in ("-S", change)]
    before = _records(checked[0])
    if dvc.run(*call, *sets, *words):
        _put_back(before)
        print(f"run: not finished; {UNFINISHED}; {dvc.RESTORE}", file=sys.stderr)
        raise typer.Exit(1)


def _of_protocol(name: str | None, changes: Sequence[str]) -> list[str]:
    """What a protocol changes, but for the keys that are changed anyway.

    Raises:
        ParamsError: there is no such protocol.
    """
    from pipeline.tools.protocols import changes_of, written

    if name is None:
        return []
    own = {change.partition("=")[0] for change in changes}
    sets = changes_of(name).items()
    return [f"{key}={written(value)}" for key, value in sets if key not in own]


def _checked(changes: Sequence[str]) -> "list[Settings]":
    """params.yaml with the changes, checked; several if they are a sweep for `--queue`.

    Raises:
        ParamsError: a change has another form or an unknown key, or the whole is wrong.
    """
    from pipeline import params
    from pipeline.tools.check.ahead import check_ahead

    if changes:
        values = params.parse(PARAMS)
        for change in changes:
            _check_key(change, values)
        settings = [params.check(PARAMS, after) for after in _after(changes)]
    else:
        settings = [params.read(PARAMS)]
    for each in settings:
        check_ahead(each)
    return settings


def _check_key(change: str, values: dict[str, Any]) -> None:
    from pipeline.errors import ParamsError, did_you_mean
    from pipeline.tools.tables import placed

    key, equals, _ = change.partition("=")
    if not equals or ":" in key:
        raise ParamsError(f"-S {change}: is not KEY=VALUE, such as train.steps=500")
    block, last = placed(values, key)
    if last not in block and key.split(".")[0] == "datasets":
        raise ParamsError(
            f"-S {change}: {PARAMS} has no key {key}, and DVC adds none: write it there once"
        )
    if last not in block:
        raise ParamsError(f"-S {change}: {PARAMS} has no key {key}; {did_you_mean(last, block)}")


def _check_words(call: Sequence[str], words: Sequence[str]) -> None:
    """Have DVC's own parser read its arguments, so that nothing is changed before it refuses them.

    Raises:
        ParamsError: DVC has no such option, or dvc.yaml no such stage.
    """
    from dvc.cli import DvcParserError, parse_args

    from pipeline.errors import ParamsError, did_you_mean
    from pipeline.tools.dvc_yaml import DVC_YAML
    from pipeline.tools.dvc_yaml.read import stages

    logging.disable(logging.CRITICAL)  # it says what is wrong there, and prints all of its help
    try:
        with redirect_stdout(StringIO()):
            targets = parse_args([*call, *words]).targets
    except DvcParserError:
        dvc = " ".join(("dvc", *call))
        raise ParamsError(
            f"wm run {' '.join(words)}: {dvc} does not take these; see `{dvc} --help`"
        ) from None
    finally:
        logging.disable(logging.NOTSET)
    known = stages(DVC_YAML)
    for target in targets:
        if target.isidentifier() and target not in known:  # else a path, or a stage elsewhere
            raise ParamsError(f"{DVC_YAML}: has no stage {target}; {did_you_mean(target, known)}")


def _after(changes: Sequence[str]) -> Iterator[dict[str, Any]]:
    """What DVC would make of params.yaml: its own parser reads the changes."""
    from dvc.exceptions import InvalidArgumentError
    from dvc.utils.hydra import apply_overrides, get_hydra_sweeps
    from hydra.errors import HydraException

    from pipeline import params
    from pipeline.errors import ParamsError

    try:
        for sweep in get_hydra_sweeps({PARAMS.name: list(changes)}):
            with TemporaryDirectory() as folder:
                copied = Path(shutil.copy(PARAMS, folder))
                apply_overrides(copied, sweep[PARAMS.name])
                after = params.parse(copied)
            yield after
    except (InvalidArgumentError, HydraException) as error:
        reason = str(error.__cause__ or error).splitlines()[0]
        raise ParamsError(
            f"-S {' -S '.join(changes)}: {reason}; quote values that are lists"
        ) from None


def _records(settings: "Settings") -> dict[Path, bytes]:
    """The metrics and plots that are there, which DVC deletes before a stage runs."""
    from pipeline.tools.dvc_yaml import DVC_YAML
    from pipeline.tools.dvc_yaml.read import stages

    filled = [stage.filled(settings.values) for stage in stages(DVC_YAML).values()]
    paths = [Path(record) for stage in filled for record in stage.records]
    return {path: path.read_bytes() for path in paths if path.is_file()}


def _put_back(records: dict[Path, bytes]) -> None:
    for path, content in records.items():
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
