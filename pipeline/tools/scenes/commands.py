"""`wm export-3d`, `wm cloud`, `wm depth` and `wm view`."""

import re
from pathlib import Path
from typing import Annotated, get_args

import typer

from pipeline.arguments import output
from pipeline.errors import ParamsError

LARGEST = 2**13
"""Side in pixels of the largest images that are written."""
Export = Annotated[Path, typer.Argument(metavar="EXPORT", help="Folder that `wm export-3d` wrote.")]
DepthName = Annotated[
    str, typer.Option(metavar="NAME", help="Depth to lift: truth, or what `wm depth` added.")
]

Frames = Annotated[int, typer.Option(min=1, help="Most images that are lifted.")]
Step = Annotated[
    int, typer.Option(min=1, help="Images that have depth from one of them to the next.")
]
Percentile = Annotated[
    float,
    typer.Option(min=0, max=100, help="Of the confidences: what is less sure is left out."),
]
Points = Annotated[
    int, typer.Option("--max-points", min=1, help="Most points; others are left out by lot.")
]


def export_3d(
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", help="Folder of a rollout, or of shards.")
    ],
    out: Annotated[Path, output("OUT", "Folder for images, cameras and export.json.")],
    layout: Annotated[
        str, typer.Option("--format", help="What is written beside: colmap, nerfstudio, frames.")
    ] = "colmap",
    clip: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Clip of the rollout, or key of an episode; else the first."
        ),
    ] = None,
    truth: Annotated[
        bool, typer.Option("--truth", help="Of a rollout: the true frames, not the generated ones.")
    ] = False,
    size: Annotated[
        str | None,
        typer.Option(metavar="HxW", help="Height and width of the images; else as recorded."),
    ] = None,
) -> None:
    """Export the frames of a rollout or an episode with their cameras, to COLMAP or nerfstudio."""
    from pipeline.tools.scenes import sources
    from pipeline.tools.scenes.card import Layout
    from pipeline.tools.scenes.export import write

    chosen = next((known for known in get_args(Layout) if known == layout), None)
    if chosen is None:
        raise ParamsError(f"--format {layout}: choose one of {', '.join(get_args(Layout))}")
    sides = _sides(size)
    sequence = sources.read(source, clip, truth)
    card = write(sequence, source, chosen, sides, out)
    what = f"{len(card.frames)} {card.kind} frames of {card.name}, {card.height} x {card.width}"
    if sequence.cameras is None:
        print(f"export-3d: {what}, in {out}; cameras are unknown: images and export.json alone")
    else:
        depth = ", with true depth" if sequence.cameras.depth is not None else ""
        print(f"export-3d: {what}, as {layout}{depth}, in {out}")


def _sides(size: str | None) -> tuple[int, int] | None:
    if size is None:
        return None
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", size)
    sides = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 0 < min(sides) <= max(sides) <= LARGEST:
        raise ParamsError(f"--size {size}: give height and width up to {LARGEST}, such as 240x320")
    return sides


def cloud(
    export: Export,
    out: Annotated[Path, output("OUT.ply", "File for the points.")],
    depth: DepthName = "truth",
    frames: Frames = 30,
    step: Step = 1,
    percentile: Percentile = 40.0,
    points: Points = 1_000_000,
    seed: Annotated[int, typer.Option(min=0, help="Of the lot.")] = 0,
) -> None:
    """Lift the depth of an export to a cloud of coloured points in world coordinates."""
    from pipeline import stage
    from pipeline.tools.scenes import card as cards
    from pipeline.tools.scenes import ply
    from pipeline.tools.scenes.lift import Lifting, lift_maps, read_maps

    if out.suffix.lower() != ".ply":
        raise ParamsError(f"{out}: clouds are written as PLY; name a file that ends with .ply")
    card = cards.read(export)
    lifting = Lifting(depth, frames, step, percentile, points, seed)
    maps = read_maps(export, card, lifting)
    lifted = lift_maps(export, maps, lifting)
    with stage.output(out) as partial:
        ply.write(partial, lifted)
    low, high = lifted.points.min(0), lifted.points.max(0)
    sides = " x ".join(f"{side:.3g}" for side in high - low)
    print(f"cloud: {len(lifted):,} points of {len(maps)} images, {sides}, in {out}")


def depth(
    export: Export,
    model: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Model of the hub: config.json, safetensors.")
    ],
    python: Annotated[
        Path, typer.Option(metavar="FILE", help="Python that has depth_anything_3.")
    ] = Path(".venv-da3/bin/python"),
    name: Annotated[str, typer.Option(help="What the depth is called in the export.")] = "da3",
    frames: Annotated[int, typer.Option(min=1, help="Most images that are seen together.")] = 30,
    step: Annotated[int, typer.Option(min=1, help="Images from one of them to the next.")] = 1,
    resolution: Annotated[
        int, typer.Option(min=56, max=4096, help="Longer side at which they are seen, in pixels.")
    ] = 504,
) -> None:
    """Estimate the depth of an export with Depth Anything 3, in an environment of its own."""
    from pipeline import stage
    from pipeline.tools.scenes import card as cards
    from pipeline.tools.scenes.depth import Estimate, estimate

    chosen = Estimate(python, model, name, frames, step, resolution)
    with stage.timed(None) as summarise:
        count = estimate(export, cards.read(export), chosen)
        summarise(f"depth: {name} of {count} images in {export}", count, "images")


def view(
    export: Export,
    depth: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Depth to show; else true depth if it is there."),
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Or the next free one.")] = 8080,
    fps: Annotated[float, typer.Option(min=0.1, help="Images a second while it plays.")] = 8.0,
    frames: Frames = 30,
    step: Step = 1,
    percentile: Percentile = 40.0,
    points: Points = 1_000_000,
) -> None:
    """Show an export in the browser of this machine: clouds over time, cameras, depth."""
    from pipeline.tools.scenes import card as cards
    from pipeline.tools.scenes.lift import Lifting
    from pipeline.tools.scenes.viewer import Viewer, default_depth, views

    card = cards.read(export)
    name = default_depth(export, depth)
    lifting = None if name is None else Lifting(name, frames, step, percentile, points, 0)
    viewer = Viewer(views(export, card, lifting), port, fps)
    print(f"view: {export} at {viewer.url} (Ctrl-C ends it)", flush=True)
    viewer.serve()
