"""Depth maps to points of one cloud."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes.cameras import unproject
from pipeline.errors import DataError
from pipeline.tools.scenes import depth_maps
from pipeline.tools.scenes.card import AGAIN, ExportCard
from pipeline.tools.scenes.depth_maps import DepthMap
from pipeline.tools.scenes.export import resized
from pipeline.tools.scenes.sources import read_image


@dataclass(frozen=True, slots=True)
class Lifting:
    """What is lifted of an export.

    Attributes:
        depth: name of the depth.
        frames: most frames that are taken.
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

    def chosen(self, card: ExportCard) -> range:
        """Numbers of the frames that are taken."""
        return range(0, len(card.frames), self.step)[: self.frames]


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


def lift(folder: Path, card: ExportCard, lifting: Lifting) -> Cloud:
    """The cloud of an export.

    Raises:
        ParamsError: it has no such depth.
        DataError: a file is missing or damaged, a frame has no camera, or no pixel has depth.
    """
    chosen = list(lifting.chosen(card))
    maps = depth_maps.read(folder, card, lifting.depth, chosen)
    kept = [_kept(each, least) for each, least in _with_least(maps, lifting.percentile)]
    total = sum(int(mask.sum()) for mask in kept)
    if total == 0:
        raise DataError(
            f"{folder}: no pixel of depth {lifting.depth} is positive; estimate another"
        )
    for mask, drawn in zip(kept, _drawn(kept, total, lifting), strict=True):
        mask[mask] = drawn
    parts = [_points(folder / card.frames[n].file, each, mask)
             for n, each, mask in zip(chosen, maps, kept, strict=True)]  # fmt: skip
    counts = [len(points) for points, _ in parts]
    return Cloud(
        np.concatenate([points for points, _ in parts]),
        np.concatenate([colours for _, colours in parts]),
        np.repeat(np.array(chosen, np.int32), counts),
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


def _points(
    image: Path, each: DepthMap, kept: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    size = each.depth.shape[0], each.depth.shape[1]
    colours = resized(read_image(image, AGAIN), size)
    points = unproject(each.depth, each.intrinsics, each.pose)
    return points[kept].astype(np.float32), colours[kept]
