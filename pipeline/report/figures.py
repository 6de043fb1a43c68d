"""Pictures of the page, each a data URI: curves as SVG, clips as animated lossless WebP."""

import base64
import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SECONDS_A_FRAME = 0.45
SCALE = 3
NARROW, WIDE = 360, 1600
"""Pixels across that a still picture is about enlarged to, and is at most."""
GAP = 2
COLOURS = {
    "model": "#0b6e4f",
    "repeat_last": "#8d99ae",
    "shuffled_actions": "#d1495b",
    "zero_actions": "#edae49",
}


def read_columns(path: Path) -> dict[str, list[float]]:
    """The columns of numbers of a CSV file: all but `decoder`."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if name != "decoder"]
    return {name: [float(row[name]) for row in rows] for name in names}


def animation(frames: Sequence[NDArray[np.uint8]], seconds: float = SECONDS_A_FRAME) -> str:
    """Frames [H, W, 3] as one looping animation; the last frame is held for longer."""
    images = [_enlarged(frame) for frame in frames]
    times = [int(1000 * seconds)] * (len(images) - 1) + [int(3000 * seconds)]
    buffer = io.BytesIO()
    images[0].save(
        buffer,
        "WEBP",
        save_all=True,
        append_images=images[1:],
        duration=times,
        loop=0,
        lossless=True,
        minimize_size=True,
    )
    return _uri(buffer.getvalue(), "image/webp")


def still(path: Path) -> str:
    """An image from a file, neither tiny nor huge."""
    image: Image.Image = Image.open(path)
    factor = max(1, round(NARROW / image.width))
    image = image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
    image.thumbnail((WIDE, image.height))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return _uri(buffer.getvalue(), "image/png")


def side_by_side(panels: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Panels [H, W, 3] in one row, a light gap between them."""
    gap = np.full((panels[0].shape[0], GAP, 3), 255, np.uint8)
    row = [part for panel in panels for part in (gap, panel)][1:]
    return np.concatenate(row, 1)


def error(truth: NDArray[np.uint8], prediction: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Absolute difference of two frames [H, W, 3]: black where they agree."""
    return np.abs(truth.astype(np.int16) - prediction.astype(np.int16)).astype(np.uint8)


def lines(
    x: Sequence[float],
    ys: Mapping[str, Sequence[float]],
    labels: tuple[str, str],
    *,
    log: bool = False,
) -> str:
    """A line chart as SVG; `ys` maps series to values, `labels` are those of the axes."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "report"  # the same figure, the same bytes
    from matplotlib import pyplot
    from matplotlib.ticker import MaxNLocator

    figure, axes = pyplot.subplots(figsize=(5.2, 3.1), layout="constrained")
    for name, values in ys.items():
        marker = "o" if len(values) < 20 else None
        colour = COLOURS.get(name, COLOURS["model"])
        axes.plot(x, values, label=name.replace("_", " "), color=colour, marker=marker, lw=1.8)
    axes.set(xlabel=labels[0], ylabel=labels[1], yscale="log" if log else "linear")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.3)
    if len(ys) > 1:
        axes.legend(frameon=False, fontsize=8)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    pyplot.close(figure)
    return _uri(buffer.getvalue(), "image/svg+xml")


def _enlarged(frame: NDArray[np.uint8]) -> Image.Image:
    height, width = frame.shape[:2]
    factor = max(1, SCALE * 64 // height)
    return Image.fromarray(frame).resize(
        (width * factor, height * factor), Image.Resampling.NEAREST
    )


def _uri(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
