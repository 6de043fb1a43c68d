"""`wm parameters`: number of parameters of every size of NanoWM."""

from pipeline.tools.tables import ActionDim, Frames, Latent, Patch, at_least, shape_of, show


def command(
    patch: Patch = 2, action_dim: ActionDim = 7, frames: Frames = 4, latent: Latent = "4x32x32"
) -> None:
    """Count the parameters of every size of NanoWM, for every kind of action conditioning."""
    import torch
    from rich.table import Table

    from pipeline.denoisers import Size
    from pipeline.denoisers.nanowm import SIZES, build, published_options
    from pipeline.denoisers.nanowm.blocks import BLOCKS

    at_least(1, patch=patch, action_dim=action_dim, frames=frames)
    size = Size(latent_shape=shape_of(latent), action_dim=action_dim, frames=frames)
    table = Table("parameters", *BLOCKS)
    for column in table.columns[1:]:
        column.justify = "right"
    for name in SIZES:
        counts = []
        for injection in BLOCKS:
            with torch.device("meta"):
                network = build(published_options(name, patch, injection, causal=True), size)
            counts.append(f"{sum(weight.numel() for weight in network.parameters()):,}")
        table.add_row(f"{name}/{patch}", *counts)
    show(table)
    print(f"latents {latent}, actions of {action_dim}, windows of {frames} frames")
