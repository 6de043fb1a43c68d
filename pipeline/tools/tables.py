"""Shared by tools: options of a network, keys of params.yaml, printing tables."""

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.errors import ParamsError

if TYPE_CHECKING:
    from rich.table import Table

Patch = Annotated[int, typer.Option(help="Patch size in latent cells: 1, 2, 4 or 8.")]
ActionDim = Annotated[
    int, typer.Option(help="Action dimension, all environment steps of a frame together.")
]
Frames = Annotated[int, typer.Option(help="Frames of the window.")]
Latent = Annotated[str, typer.Option(metavar="CxHxW", help="Shape of a latent.")]

PIPED_WIDTH = 120
"""Width of a table in a pipe, in characters: wrapped names could not be searched for."""


def shape_of(latent: str, option: str = "--latent") -> tuple[int, int, int]:
    """Channels, height and width of `CxHxW`, the value of an option.

    Raises:
        ParamsError: it is not of this form.
    """
    if not re.fullmatch(r"[1-9]\d*x[1-9]\d*x[1-9]\d*", latent):
        raise ParamsError(f"{option} = {latent!r} is not CxHxW, such as 4x32x32")
    channels, height, width = map(int, latent.split("x"))
    return channels, height, width


def at_least(bound: int, **options: int) -> None:
    """Check options of a command, by their names in Python, against a lower bound.

    Raises:
        ParamsError: one is smaller; the first is named.
    """
    for name, value in options.items():
        if value < bound:
            raise ParamsError(f"--{name.replace('_', '-')} = {value} must be {bound} or more")


def placed(values: dict[str, Any], dotted: str) -> tuple[dict[str, Any], str]:
    """The block of params.yaml that holds a dotted key, and the last part of the key.

    The block is empty if params.yaml has none.
    """
    *blocks, last = dotted.split(".")
    for name in blocks:
        block = values.get(name)
        values = block if isinstance(block, dict) else {}
    return values, last


def show(table: "Table") -> None:
    """Print a table, at a fixed width in a pipe."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console.width = PIPED_WIDTH
    console.print(table)
