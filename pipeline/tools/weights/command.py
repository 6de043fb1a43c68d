"""`wm weights [NAME...]`."""

from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.arguments import PARAMS, ParamsFile

if TYPE_CHECKING:
    from pipeline.tools.weights.files import WeightsFile


def command(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Whose weights to fetch [default: list all]."),
    ] = None,
    params: ParamsFile = PARAMS,
) -> None:
    """List the weights that metrics and encoders need, or fetch some."""
    from pipeline.errors import ParamsError, did_you_mean
    from pipeline.params import read
    from pipeline.tools.weights.files import known

    files = known(read(params))
    for name in names or []:
        if name not in files:
            raise ParamsError(f"wm weights {name}: no such weights; {did_you_mean(name, files)}")
    for name in names or []:
        place = files[name].fetch()
        print(f"{name}: {place}, SHA-256 {files[name].digest(place)}")
    if not names:
        show(list(files.values()))


def show(files: list["WeightsFile"]) -> None:
    """Print what there is; SHA-256 of what is here is computed, else as published."""
    from rich.table import Table

    from pipeline.tools import tables

    table = Table("name", "for", "size", "here", "SHA-256", "from", show_lines=True)
    for column in table.columns[4:]:
        column.overflow = "fold"
    for file in files:
        begins = f"{file.published}..." if len(file.published) < 64 else file.published
        published = begins if file.published else "not published"
        digest = file.digest(file.place) if file.place else published
        here = "yes" if file.place else "no"
        table.add_row(file.name, file.purpose, file.size, here, digest, file.origin)
    tables.show(table)
    if missing := [file.name for file in files if file.place is None]:
        print(f"fetch what you need: wm weights NAME ({', '.join(missing)})")
