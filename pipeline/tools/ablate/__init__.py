"""`wm ablate`: the ablation tables of Nano World Models (arXiv 2605.23993), remade small.

An arm is a name and what it changes in params.yaml; a table sets arms beside a baseline.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

Value = int | float | str | bool | Mapping[str, int] | None
"""What a key of params.yaml can be set to."""

BASELINE = "baseline"
"""The run of every arm that changes nothing, whatever tables call it."""


@dataclass(frozen=True, slots=True)
class Published:
    """What the paper says of an arm; PSNR is in dB."""

    psnr: float
    ssim: float
    lpips: float
    fid: float


@dataclass(frozen=True, slots=True)
class Arm:
    """One row of a table.

    Attributes:
        name: unique among the arms of a data set.
        changes: dotted keys of params.yaml, beside those that all arms share.
        published: None where the paper has no such arm.
    """

    name: str
    published: Published | None
    changes: Mapping[str, Value] = field(default_factory=dict)

    @property
    def run(self) -> str:
        """What its runs are called: arms that change nothing share theirs."""
        return self.name if self.changes else BASELINE


@dataclass(frozen=True, slots=True)
class Table:
    """Arms that differ in one thing, on one data set.

    Attributes:
        name: for --only.
        title: what the arms differ in.
        dataset: a name in params.yaml.
        arms: in the order of the paper; exactly one of them changes nothing.
    """

    name: str
    title: str
    dataset: str
    arms: tuple[Arm, ...]

    @property
    def baseline(self) -> Arm:
        """The arm that changes nothing."""
        return next(arm for arm in self.arms if arm.run == BASELINE)
