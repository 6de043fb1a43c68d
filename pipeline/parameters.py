"""`wm parameters`: how large every network of the family is."""

from typing import Annotated

import typer

Dim = Annotated[int, typer.Option(help="Length of an action, all raw steps of a frame together.")]
Frames = Annotated[int, typer.Option(help="Length of the window.")]
Patch = Annotated[int, typer.Option(help="Side of a patch in latent cells: 1, 2, 4 or 8.")]
Latent = Annotated[str, typer.Option(metavar="CxHxW", help="Shape of a latent.")]


def command(
    patch: Patch = 2, action_dim: Dim = 7, frames: Frames = 4, latent: Latent = "4x32x32"
) -> None:
    """Count the parameters of every size of NanoWM, for every way in which actions enter."""
    import re

    import torch
    from rich.console import Console
    from rich.table import Table

    from pipeline.errors import ParamsError
    from pipeline.train.denoisers._blocks import BLOCKS
    from pipeline.train.denoisers.nanowm import SIZES, build, named
    from pipeline.train.size import Size

    if not re.fullmatch(r"\d+x\d+x\d+", latent):
        raise ParamsError(f"--latent = {latent!r} is not CxHxW, such as 4x32x32")
    channels, height, width = map(int, latent.split("x"))
    size = Size(latent_shape=(channels, height, width), action_dim=action_dim, frames=frames)
    table = Table("parameters", *BLOCKS)
    for column in table.columns[1:]:
        column.justify = "right"
    for name in SIZES:
        counts = []
        for injection in BLOCKS:
            with torch.device("meta"):
                network = build(named(name, patch, injection, causal=True), size)
            counts.append(f"{sum(weight.numel() for weight in network.parameters()):,}")
        table.add_row(f"{name}/{patch}", *counts)
    console = Console()
    if not console.is_terminal:
        console.width = 120
    console.print(table)
    print(f"latents {latent}, actions of {action_dim}, windows of {frames} frames")
