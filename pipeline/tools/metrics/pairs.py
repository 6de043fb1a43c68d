"""Pairs of a generated and a true video, and their frames one after another."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes import video
from pipeline.errors import DataError
from pipeline.files.content import parsing

Frame = NDArray[np.uint8]
"""RGB [H, W, 3]."""
ENDINGS = (("_generated", "_truth"), ("_gen", "_gt"))
"""How names of pairs in one folder end: ours, and the reference's."""
WITHIN = ("pred_video.mp4", "gt_video.mp4")
"""Files of a pair in a folder of its own, as the reference's evaluation writes them."""
MEND = "mend or replace it, or move the pair away"
LARGEST = 2**25
"""Pixels of the largest image."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A clip: two videos, each an mp4 or a folder of PNG files, in the order of their names."""

    name: str
    generated: Path
    truth: Path


def find(folder: Path, truth: Path | None = None) -> list[Pair]:
    """The pairs of a folder, or of two folders of equal names, by name.

    Where a video is there as mp4 and as PNG files, these are taken, which nothing has compressed.

    Raises:
        DataError: there are no pairs, or one half of a pair is missing.
    """
    if truth is None:
        within = [place for place in _inside(folder) if (place / WITHIN[0]).is_file()]
        pairs = [Pair(place.name, *(place / name for name in WITHIN)) for place in within]
        return pairs or _by_ending(folder)
    generated, true = _videos(folder), _videos(truth)
    for name in sorted(generated.keys() ^ true.keys()):
        has, lacks = (folder, truth) if name in generated else (truth, folder)
        raise DataError(f"{lacks}: has no {name}, as {has} has; add it, or remove the other")
    if not generated:
        raise DataError(f"{folder}: holds no mp4 and no folder of PNG files; name one that does")
    return [Pair(name, generated[name], true[name]) for name in sorted(generated)]


def _by_ending(folder: Path) -> list[Pair]:
    found, pairs = _videos(folder), []
    for made, real in ENDINGS:
        for name in sorted(found):
            stem = name.removesuffix(made)
            if name.endswith(made):
                if (partner := stem + real) not in found:
                    raise DataError(f"{folder}: {name} has no {partner} beside it; add it")
                pairs.append(Pair(stem, found[name], found[partner]))
    if not pairs:
        ways = ", ".join(f"NAME{made}.mp4 with NAME{real}.mp4" for made, real in ENDINGS)
        raise DataError(
            f"{folder}: holds no pair of videos ({ways}); name a folder of pairs, or give that of "
            "the true ones with --truth"
        )
    return pairs


def _videos(folder: Path) -> dict[str, Path]:
    """mp4 files and folders of PNG files, by their names without suffix."""
    places = _inside(folder)
    files = {place.stem: place for place in places if place.suffix == ".mp4"}
    return files | {p.name: p for p in places if p.is_dir() and any(p.glob("*.png"))}


def _inside(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; name one with videos")
    return sorted(folder.iterdir())


def frames_of(pair: Pair) -> Iterator[tuple[Frame, Frame]]:
    """Generated and true frames, one after another.

    Raises:
        DataError: a video is damaged, or lengths or sizes differ.
    """
    both = enumerate(zip_longest(_stream(pair.generated), _stream(pair.truth)))
    for number, (generated, truth) in both:
        if generated is None or truth is None:
            longer = number + 1 + sum(1 for _ in both)
            counts = (number, longer) if generated is None else (longer, number)
            raise DataError(
                f"{pair.generated}: {counts[0]} frames, but {pair.truth}: {counts[1]}; cut both to "
                "one length"
            )
        if generated.shape != truth.shape:
            raise DataError(
                f"{pair.generated}: frame {number} is {_size(generated)}, but that of {pair.truth} "
                f"{_size(truth)}; bring both to one size"
            )
        yield generated, truth


def _stream(place: Path) -> Iterator[Frame]:
    if place.is_dir():
        return map(_image, sorted(place.glob("*.png")))
    return video.stream(place, str(place), MEND)


def _image(path: Path) -> Frame:
    from PIL import Image

    with parsing(path, MEND, "no PNG"), Image.open(path, formats=["PNG"]) as image:
        if image.width * image.height > LARGEST:
            raise ValueError(f"it claims {image.width} x {image.height} pixels")
        if image.mode not in ("RGB", "L", "RGBA", "P"):
            raise ValueError(f"its pixels are {image.mode}, not 8-bit colour")
        return np.asarray(image.convert("RGB"))


def _size(frame: Frame) -> str:
    return f"{frame.shape[0]} x {frame.shape[1]}"
