"""What the tools that are no stage share: words that describe a network, keys, tables."""

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.errors import ParamsError

if TYPE_CHECKING:
    from rich.table import Table

Patch = Annotated[int, typer.Option(help="Side of a patch in latent cells: 1, 2, 4 or 8.")]
ActionDim = Annotated[
    int, typer.Option(help="Length of an action, all raw steps of a frame together.")
]
Frames = Annotated[int, typer.Option(help="Length of the window.")]
Latent = Annotated[str, typer.Option(metavar="CxHxW", help="Shape of a latent.")]

PIPED_WIDTH = 120
"""Columns of a table that no terminal shows: a pipe has none, and wrapped names cannot be found."""


def shape_of(latent: str) -> tuple[int, int, int]:
    """Channels, height and width of `CxHxW`.

    Raises:
        ParamsError: it is written otherwise.
    """
    if not re.fullmatch(r"[1-9]\d*x[1-9]\d*x[1-9]\d*", latent):
        raise ParamsError(f"--latent = {latent!r} is not CxHxW, such as 4x32x32")
    channels, height, width = map(int, latent.split("x"))
    return channels, height, width


def at_least(bound: int, **words: int) -> None:
    """Refuse words of a command, as Python spells them, with a smaller number.

    Raises:
        ParamsError: one line that names the first.
    """
    for name, value in words.items():
        if value < bound:
            raise ParamsError(f"--{name.replace('_', '-')} = {value} must be {bound} or more")


def placed(values: dict[str, Any], dotted: str) -> tuple[dict[str, Any], str]:
    """The block of params.yaml in which a dotted key stands, and its last name.

    The block is an empty one where there is none.
    """
    *blocks, last = dotted.split(".")
    for name in blocks:
        found = values.get(name)
        values = found if isinstance(found, dict) else {}
    return values, last


def show(table: "Table") -> None:
    """Print a table, wide enough where it is piped."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console.width = PIPED_WIDTH
    console.print(table)
