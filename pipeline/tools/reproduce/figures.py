"""Ours next to theirs: every published figure, its tolerance, and whether we are inside."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from pipeline.tools.reproduce.published import Published, Run

MEASURED = {
    **{
        name: ("metrics/evaluate_mean.json", "model", name)
        for name in ("psnr", "ssim", "lpips", "fid")
    },
    "success_rate": ("metrics/plan.json", "success_rate"),
    **{
        f"{metric}_{end}": ("metrics/actions.json", "published", metric, end)
        for metric in ("mse", "cosine")
        for end in ("start", "true", "zero", "random")
    },
    "embedding_rms": ("metrics/actions.json", "embedding_rms"),
}
"""Where a figure is measured: what a stage of dvc.yaml records, and the keys in it."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A published figure and ours, None where nothing of ours computes it."""

    name: str
    theirs: float
    ours: float | None
    allowed: float

    @property
    def holds(self) -> bool:
        """Whether ours is no further from theirs than allowed; also where there is none."""
        return self.ours is None or abs(self.ours - self.theirs) <= self.allowed


def compare(run: Run, published: Published, records: Mapping[str, Path]) -> list[Comparison]:
    """Every published figure of a run beside ours, as stages have recorded it."""
    return [
        Comparison(name, theirs, _ours(name, records), published.tolerance[name].around(theirs))
        for name, theirs in run.figures.items()
    ]


def table(comparisons: list[Comparison], *, comparable: bool) -> Table:
    """What to print; without verdicts where episodes are not the published ones."""
    shown = Table("figure", "published", "ours", "difference", "tolerance", "")
    for column in shown.columns[1:5]:
        column.justify = "right"
    for each in comparisons:
        cells = [each.name, f"{each.theirs:g}", "not computed", "", f"{each.allowed:.3g}", ""]
        if each.ours is not None:
            cells[2:4] = f"{each.ours:.4g}", f"{each.ours - each.theirs:+.3g}"
            verdict = "inside" if each.holds else "OUTSIDE"
            cells[5] = verdict if comparable else "not comparable"
        shown.add_row(*cells)
    return shown


def _ours(name: str, records: Mapping[str, Path]) -> float | None:
    file, *keys = MEASURED[name]
    if file not in records:
        return None
    value: Any = json.loads(records[file].read_text())
    for key in keys:
        if key not in value:
            return None
        value = value[key]
    return None if value is None else float(value)
