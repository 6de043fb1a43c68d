"""`wm inspect PATH`."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.arguments import PARAMS, ParamsFile

if TYPE_CHECKING:
    from pipeline.tools.inspect_ import Inspection


def command(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Any folder of the pipeline.")],
    read_all: Annotated[
        bool, typer.Option("--all", help="Read all of it: every episode, array and checksum.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    params: ParamsFile = PARAMS,
) -> None:
    """Summarise a data set, shards, an encoder, latents or a world model; check for damage.

    Exits with 1 if something is missing or damaged.
    """
    import json

    inspection = _inspect(path, params, read_all)
    if as_json:
        print(
            json.dumps(
                {
                    "kind": inspection.kind,
                    **inspection.facts,
                    "lacks": inspection.lacks,
                    "block": inspection.block,
                },
                indent=2,
            )
        )
    else:
        _show(path, inspection, read_all)
    if inspection.lacks is not None:
        raise typer.Exit(1)


def _inspect(path: Path, params: Path, read_all: bool) -> "Inspection":
    from pipeline.collect.inventory import resolve
    from pipeline.diffusion.model_folder import CONFIG
    from pipeline.encoders import ENCODER_JSON
    from pipeline.episodes.manifest import MANIFEST
    from pipeline.errors import DataError
    from pipeline.files.skipped import SKIPPED
    from pipeline.formats.lerobot.info import FILE
    from pipeline.params import read
    from pipeline.tools.inspect_ import Inspection, latents, lerobot, models, raw, shards

    if not path.is_dir():
        said = "is a file; name the folder that it lies in" if path.is_file() else "no such folder"
        raise DataError(f"{path}: {said}")
    kinds: dict[str, tuple[str, Callable[[], Inspection]]] = {
        MANIFEST: ("shards", lambda: shards.inspect(path, read_all)),
        "zarr.json": ("latent cache", lambda: latents.inspect(path, read_all)),
        ENCODER_JSON: ("encoder", lambda: models.encoder(path)),
        CONFIG: ("world model", lambda: models.world_model(path)),
        SKIPPED: ("skipped stage", lambda: models.world_model(path)),
    }
    root = path if any((path / name).is_file() for name in kinds) else resolve(path)
    kinds[FILE] = (lerobot.KIND, lambda: lerobot.inspect(root, params, read_all))
    for name, (kind, inspect) in kinds.items():
        if (root / name).is_file():
            try:
                return inspect()
            except DataError as error:
                return Inspection(kind, {}, str(error))
    return raw.inspect(path, read(params) if params.is_file() else None, read_all)


def _show(path: Path, inspection: "Inspection", read_all: bool) -> None:
    from rich.markup import escape
    from rich.table import Table

    from pipeline.tools.tables import show

    table = Table(box=None, show_header=False)
    for name, value in inspection.facts.items():
        table.add_row(name, escape(format_value(value)))
    extent = "all of it was read" if read_all else "--all reads all of it"
    table.add_row(
        "complete", f"yes; {extent}" if inspection.lacks is None else f"no: {inspection.lacks}"
    )
    print(f"{path}: {inspection.kind}")
    show(table)
    if inspection.block is not None:
        print(f"\nIn params.yaml, as a data set:\n{inspection.block}", end="")


def format_value(value: Any) -> str:
    """A value in one line: four significant digits, at most eight items of a list."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {format_value(item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        items = [format_value(item) for item in value[:8]]
        return "[" + ", ".join(items) + (f", ... {len(value)} in all]" if len(value) > 8 else "]")
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
