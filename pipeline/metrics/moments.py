"""Mean and covariance of features that stream by, which can be saved and used again."""

from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import Field
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from pipeline import stage
from pipeline.errors import DataError
from pipeline.files.content import parsing
from pipeline.files.json_model import FileModel
from pipeline.metrics.images import frechet_of_moments

LARGEST = 2**13
"""Dimensions of the largest features that are read back."""


class Kind(FileModel):
    """What features are of; only features of the same kind can be compared.

    Attributes:
        metric: FID or FVD.
        weights: SHA-256 of the file of the network's weights.
        frames: of the stretches whose features they are; 1 for images.
    """

    metric: str
    weights: str
    frames: int = Field(gt=0)


class Header(FileModel):
    """Metadata of a file of moments: of each kind, and of how many features."""

    kinds: list[Kind]
    counts: list[int]


@dataclass(slots=True)
class Moments:
    """Sums of features [., D] and of their outer products, in float64.

    Attributes:
        kind: what they are of.
        count: of features.
        total: [D].
        outer: [D, D].
    """

    kind: Kind
    count: int = 0
    total: Tensor | None = None
    outer: Tensor | None = None

    def add(self, features: Tensor) -> None:
        """Count features [N, D] in."""
        rows = features.double()
        total, outer = rows.sum(0), rows.T @ rows
        self.total = total if self.total is None else self.total + total
        self.outer = outer if self.outer is None else self.outer.add_(outer)
        self.count += len(rows)

    def fitted(self) -> tuple[Tensor, Tensor]:
        """Mean [D] and unbiased covariance [D, D]; of two features or more."""
        assert self.total is not None
        assert self.outer is not None
        mean = self.total / self.count
        centred = self.outer - self.count * torch.outer(mean, mean)
        return mean, centred / (self.count - 1)


def distance(a: Moments, b: Moments) -> float:
    """The Frechet distance of two sets of features of the same kind, of two features or more."""
    return float(frechet_of_moments(*a.fitted(), *b.fitted()))


def save(moments: list[Moments], path: Path) -> None:
    """Write moments as safetensors, whole or not at all."""
    tensors: dict[str, Tensor] = {}
    for each in moments:
        assert each.total is not None
        assert each.outer is not None
        tensors |= {
            f"{each.kind.metric}.total": each.total,
            f"{each.kind.metric}.outer": each.outer,
        }
    header = Header(kinds=[m.kind for m in moments], counts=[m.count for m in moments])
    with stage.output(path) as partial:
        save_file(tensors, partial, {"moments": header.model_dump_json()})


def load(path: Path, kind: Kind) -> Moments:
    """The moments of one kind in a file that `save` wrote.

    Raises:
        DataError: it is missing or damaged, or has none of this kind.
    """
    way_out = "save it again with --save-statistics"
    if not path.is_file():
        raise DataError(f"{path}: no such file; {way_out}")
    with parsing(path, way_out, "no statistics of features"), safe_open(path, "pt") as file:
        header = Header.model_validate_json((file.metadata() or {})["moments"], strict=True)
        found = dict(zip([kind.metric for kind in header.kinds], header.counts, strict=True))
        same = [one for one in header.kinds if one.metric == kind.metric]
        if not same:
            raise DataError(f"{path}: has no statistics of {kind.metric}; {way_out}")
        if same[0] != kind:
            raise DataError(
                f"{path}: {kind.metric} of {same[0].frames} frames by weights "
                f"{same[0].weights[:12]}, not of {kind.frames} by {kind.weights[:12]}; {way_out}"
            )
        total, outer = (file.get_tensor(f"{kind.metric}.{name}") for name in ("total", "outer"))
        if outer.shape != (len(total), len(total)) or len(total) > LARGEST:
            raise ValueError(f"moments of {list(outer.shape)}")
        return Moments(kind, found[kind.metric], total, outer)
