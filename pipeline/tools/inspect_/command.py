"""`wm inspect PATH`."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.arguments import PARAMS, ParamsFile

if TYPE_CHECKING:
    from pipeline.tools.inspect_ import Found


def command(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Any folder of the pipeline.")],
    everything: Annotated[
        bool, typer.Option("--all", help="Read all of it: every episode, checksum and number.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    params: ParamsFile = PARAMS,
) -> None:
    """Say what a data set, shards, an encoder, latents or a world model hold, and if all is there.

    Exits with 1 if something is missing or damaged.
    """
    import json

    found = _found(path, params, everything)
    if as_json:
        print(json.dumps({"kind": found.kind, **found.facts, "lacks": found.lacks}, indent=2))
    else:
        _show(path, found, everything)
    if found.lacks is not None:
        raise typer.Exit(1)


def _found(path: Path, params: Path, everything: bool) -> "Found":
    from pipeline.diffusion.world_model import CONFIG
    from pipeline.encoders import ENCODER_JSON
    from pipeline.episodes.manifest import MANIFEST
    from pipeline.errors import DataError
    from pipeline.params import read
    from pipeline.tools.inspect_ import Found, latents, models, raw, shards

    if not path.is_dir():
        raise DataError(f"{path}: no such folder")
    kinds: dict[str, tuple[str, Callable[[], Found]]] = {
        MANIFEST: ("shards", lambda: shards.look(path, everything)),
        "zarr.json": ("latent cache", lambda: latents.look(path, everything)),
        ENCODER_JSON: ("encoder", lambda: models.encoder(path)),
        CONFIG: ("world model", lambda: models.world_model(path)),
    }
    for name, (kind, look) in kinds.items():
        if (path / name).is_file():
            try:
                return look()
            except DataError as error:
                return Found(kind, {}, str(error))
    return raw.look(path, read(params), everything)


def _show(path: Path, found: "Found", everything: bool) -> None:
    from rich.markup import escape
    from rich.table import Table

    from pipeline.tools.tables import show

    table = Table(box=None, show_header=False)
    for name, value in found.facts.items():
        table.add_row(name, escape(shown(value)))
    read = "all of it was read" if everything else "--all reads all of it"
    table.add_row("complete", f"yes; {read}" if found.lacks is None else f"no: {found.lacks}")
    print(f"{path}: {found.kind}")
    show(table)


def shown(value: Any) -> str:
    """A value on a line: numbers to four digits, long lists cut."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {shown(item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        few = [shown(item) for item in value[:8]]
        return "[" + ", ".join(few) + (f", ... {len(value)} in all]" if len(value) > 8 else "]")
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
