"""Images of the page as data URIs: line charts as SVG, clips as animated lossless WebP."""

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SECONDS_PER_FRAME = 0.45
SCALE = 3
NARROW, WIDE = 360, 1600
"""Width in pixels to which a small image is enlarged, and to which a large one is reduced."""
LARGEST = 2**14
"""Side in pixels of the largest image that is shown."""
GAP = 2
COLOURS = {
    "model": "#0b6e4f",
    "repeat_last": "#8d99ae",
    "shuffled_actions": "#d1495b",
    "zero_actions": "#edae49",
}


def animation(frames: Sequence[NDArray[np.uint8]], seconds: float = SECONDS_PER_FRAME) -> str:
    """Frames uint8 [H, W, 3] as one looping animation that pauses on the last frame."""
    images = [_enlarge(frame) for frame in frames]
    durations = [int(1000 * seconds)] * (len(images) - 1) + [int(3000 * seconds)]
    buffer = io.BytesIO()
    images[0].save(
        buffer,
        "WEBP",
        save_all=True,
        append_images=images[1:],
        duration=durations,
        loop=0,
        lossless=True,
        minimize_size=True,
    )
    return _uri(buffer.getvalue(), "image/webp")


def still(path: Path) -> str:
    """A PNG file, enlarged or reduced to a width between NARROW and WIDE.

    Raises:
        ValueError: it is larger than any of ours; PIL raises what it likes where it is damaged.
    """
    image: Image.Image = Image.open(path, formats=["PNG"])
    if max(image.size) > LARGEST:
        raise ValueError(f"{image.width} x {image.height} pixels")
    factor = max(1, round(NARROW / image.width))
    image = image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
    image.thumbnail((WIDE, image.height))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return _uri(buffer.getvalue(), "image/png")


def side_by_side(panels: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Panels uint8 [H, W, 3] in one row, with white gaps between them."""
    gap = np.full((panels[0].shape[0], GAP, 3), 255, np.uint8)
    columns = [column for panel in panels for column in (gap, panel)][1:]
    return np.concatenate(columns, 1)


def error(truth: NDArray[np.uint8], prediction: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Absolute difference of two frames uint8 [H, W, 3]: black where they are equal."""
    return np.abs(truth.astype(np.int16) - prediction.astype(np.int16)).astype(np.uint8)


def lines(
    x: Sequence[float],
    ys: Mapping[str, Sequence[float]],
    labels: tuple[str, str],
    *,
    log: bool = False,
) -> str:
    """A line chart as SVG; `ys` has the values of each series, `labels` those of the axes."""
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


def _enlarge(frame: NDArray[np.uint8]) -> Image.Image:
    height, width = frame.shape[:2]
    factor = max(1, SCALE * 64 // height)
    return Image.fromarray(frame).resize(
        (width * factor, height * factor), Image.Resampling.NEAREST
    )


def _uri(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
