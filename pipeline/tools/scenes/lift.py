"""Depth maps to points of one cloud."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes.cameras import unproject
from pipeline.errors import DataError
from pipeline.tools.scenes import depth_maps
from pipeline.tools.scenes.card import ExportCard
from pipeline.tools.scenes.depth_maps import DepthMap


@dataclass(frozen=True, slots=True)
class Lifting:
    """What is lifted of an export.

    Attributes:
        depth: name of the depth.
        frames: most images that are taken, of those that have depth.
        step: images from one of them to the next.
        percentile: of the confidences of all their pixels, below which pixels are left out.
        points: most points that are kept, drawn at random.
        seed: of the draw.
    """

    depth: str
    frames: int
    step: int
    percentile: float
    points: int
    seed: int

    def chosen(self, folder: Path, card: ExportCard) -> list[int]:
        """Numbers of the images of an export that are taken.

        Raises:
            ParamsError: it has no such depth.
        """
        known = [n for n in depth_maps.frames(folder, self.depth) if n < len(card.frames)]
        return known[:: self.step][: self.frames]


@dataclass(frozen=True, slots=True)
class Cloud:
    """Points in world coordinates.

    Attributes:
        points: float32 [P, 3].
        colours: uint8 [P, 3] RGB.
        frames: int32 [P], the number of the image that each is of.
    """

    points: NDArray[np.float32]
    colours: NDArray[np.uint8]
    frames: NDArray[np.int32]

    def __len__(self) -> int:
        """Number of points P."""
        return len(self.points)


def read_maps(folder: Path, card: ExportCard, lifting: Lifting) -> dict[int, DepthMap]:
    """The depth of the images of an export that are lifted, by their numbers.

    Raises:
        ParamsError: it has no such depth.
        DataError: a file is missing or damaged, or a frame has no camera.
    """
    chosen = lifting.chosen(folder, card)
    return {number: depth_maps.read(folder, card, lifting.depth, number) for number in chosen}


def lift(folder: Path, card: ExportCard, lifting: Lifting) -> Cloud:
    """The cloud of an export.

    Raises:
        ParamsError: it has no such depth.
        DataError: a file is missing or damaged, a frame has no camera, or no pixel has depth.
    """
    return lift_maps(folder, read_maps(folder, card, lifting), lifting)


def lift_maps(folder: Path, by_number: Mapping[int, DepthMap], lifting: Lifting) -> Cloud:
    """The cloud of the depth of an export, as `read_maps` reads it.

    Raises:
        DataError: no pixel has depth.
    """
    maps = list(by_number.values())
    kept = [_kept(each, least) for each, least in _with_least(maps, lifting.percentile)]
    total = sum(int(mask.sum()) for mask in kept)
    if total == 0:
        raise DataError(
            f"{folder}: no pixel of depth {lifting.depth} is positive; estimate another"
        )
    for mask, drawn in zip(kept, _drawn(kept, total, lifting), strict=True):
        mask[mask] = drawn
    points = [
        unproject(each.depth, each.intrinsics, each.pose)[mask]
        for each, mask in zip(maps, kept, strict=True)
    ]
    return Cloud(
        np.concatenate(points).astype(np.float32),
        np.concatenate([each.image[mask] for each, mask in zip(maps, kept, strict=True)]),
        np.repeat(np.array(list(by_number), np.int32), [len(each) for each in points]),
    )


def _with_least(maps: Sequence[DepthMap], percentile: float) -> Iterator[tuple[DepthMap, float]]:
    """Each map with the confidence below which pixels go: one for all, as in Depth Anything 3."""
    known = [each.confidence[_valid(each)] for each in maps if each.confidence is not None]
    values = np.concatenate(known) if known else np.zeros(0)
    least = float(np.percentile(values, percentile)) if len(values) else -np.inf
    return ((each, least) for each in maps)


def _valid(each: DepthMap) -> NDArray[np.bool_]:
    valid = np.isfinite(each.depth) & (each.depth > 0)
    return valid if each.confidence is None else valid & np.isfinite(each.confidence)


def _kept(each: DepthMap, least: float) -> NDArray[np.bool_]:
    valid = _valid(each)
    return valid if each.confidence is None else valid & (each.confidence >= least)


def _drawn(
    kept: Sequence[NDArray[np.bool_]], total: int, lifting: Lifting
) -> Iterator[NDArray[np.bool_]]:
    """Which of the kept pixels of every map stay, at most as many as are wanted."""
    stay = np.ones(total, bool)
    if total > lifting.points:
        rng = np.random.default_rng(lifting.seed)
        stay[rng.permutation(total)[lifting.points :]] = False
    ends = np.cumsum([mask.sum() for mask in kept])
    return iter(np.split(stay, ends[:-1]))
