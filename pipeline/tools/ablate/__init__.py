"""`wm ablate`: the ablations of Nano World Models (arXiv 2605.23993) at a small scale.

An arm is a name and its changes to params.yaml; a table compares arms with a baseline.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.tools.changes import Value

BASELINE = "baseline"
"""Name of the runs of every arm that changes nothing."""


@dataclass(frozen=True, slots=True)
class PaperRow:
    """Scores of an arm in the paper; PSNR is in dB."""

    psnr: float
    ssim: float
    lpips: float
    fid: float


@dataclass(frozen=True, slots=True)
class Arm:
    """One row of a table.

    Attributes:
        name: unique among the arms of a data set.
        paper: None if the paper has no such arm.
        changes: by dotted key of params.yaml, on top of those that all arms share.
    """

    name: str
    paper: PaperRow | None
    changes: Mapping[str, Value] = field(default_factory=dict)

    @property
    def run(self) -> str:
        """Name of its runs: arms that change nothing share theirs."""
        return self.name if self.changes else BASELINE


@dataclass(frozen=True, slots=True)
class Table:
    """Arms that differ in one setting, on one data set.

    Attributes:
        name: for --only.
        title: the setting in which the arms differ.
        dataset: a name in params.yaml.
        arms: in the order of the paper; exactly one changes nothing.
    """

    name: str
    title: str
    dataset: str
    arms: tuple[Arm, ...]

    @property
    def baseline(self) -> Arm:
        """The arm that changes nothing."""
        return next(arm for arm in self.arms if arm.run == BASELINE)
