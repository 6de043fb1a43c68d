"""`wm frontier`: what success costs, for the planners on the model of a workspace."""

from collections.abc import Iterable
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from pipeline.files.csv_rows import read_csv
from pipeline.metrics.schema import Share


class Row(BaseModel):
    """One setting of a planner, and what it reached.

    Attributes:
        planner: a name in params.yaml.
        candidates: sequences tried in a round; starts, of gradients.
        rounds: of a search; steps, of gradients.
        steps: denoising steps of a rollout.
        execute: model frames of a plan that are executed before the next.
        success: share of the goals reached, 0..1.
        low: lower end of its 95 % interval (Wilson 1927).
        high: upper end.
        cpu_seconds_per_replan: mean time of one search, of all threads.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    planner: str
    candidates: int = Field(ge=1)
    rounds: int = Field(ge=1)
    steps: int = Field(ge=1)
    execute: int = Field(ge=1)
    success: Share
    low: Share
    high: Share
    cpu_seconds_per_replan: float = Field(gt=0)

    @classmethod
    def read(cls, path: Path) -> list[Self]:
        """All rows of a CSV file.

        Raises:
            DataError: it is missing or holds something else.
        """
        return read_csv(path, cls, "make it by `wm frontier`", "no table of planners")


def undominated(rows: Iterable[Row]) -> list[Row]:
    """The frontier: rows that no cheaper one reaches, from the cheapest to the best."""
    kept: list[Row] = []
    for row in sorted(rows, key=lambda row: (row.cpu_seconds_per_replan, -row.success)):
        if not kept or row.success > kept[-1].success:
            kept.append(row)
    return kept
