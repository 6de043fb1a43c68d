"""What `wm preflight --run` found, for `--json` and the report page."""

from typing import ClassVar

from pydantic import Field

from pipeline.metrics.schema import Line, Metrics


class PreflightReport(Metrics):
    """Which parts of a run a small one has verified, and which it has not.

    Attributes:
        preset: a run of the paper, or the path of params.yaml.
        verified: by this run.
        not_verified: by this run, and why.
        drift: what differs from the specification.
        failed: the check that ended the run; None if all passed.
        seconds: that it took.
    """

    stage: ClassVar[str] = "preflight"

    preset: Line
    verified: list[Line]
    not_verified: list[Line]
    drift: list[Line]
    failed: Line | None
    seconds: float = Field(ge=0)
