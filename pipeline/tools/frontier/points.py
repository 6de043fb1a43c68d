"""Settings of the planners that are tried: from a few rollouts a replan to hundreds."""

from collections.abc import Mapping
from dataclasses import dataclass

SHARED: dict[str, object] = {"plan.simulator": [], "plan.recorded": 1}
"""Changes to params.yaml at every point: planners on the model are compared, and nothing else."""
SAMPLING_STEPS = "plan.sampling.steps"
STEPS = 1
"""Denoising steps of a rollout: more made plans worse (docs/control.md)."""
EFFORTS = {
    "cem": ((16, 2), (20, 4)),
    "icem": ((10, 2), (20, 2), (20, 4)),
    "mppi": ((20, 4),),
    "random_shooting": ((64, 1),),
    "gradient": ((8, 2),),
}
"""Candidates and rounds by planner."""
KEYS = {"gradient": ("starts", "steps"), "random_shooting": ("candidates", None)}
"""The keys of a planner's block that hold them, where they are not of these names."""
ELITES = 5
"""Candidates for one that is refitted to, of planners that have elites."""


@dataclass(frozen=True, slots=True)
class Point:
    """One setting of a planner."""

    planner: str
    candidates: int
    rounds: int
    steps: int

    @property
    def name(self) -> str:
        """A folder's name."""
        return f"{self.planner}-{self.candidates}x{self.rounds}-{self.steps}-steps"

    def changes(self, block: Mapping[str, object]) -> dict[str, object]:
        """Its changes to params.yaml, where `block` is the planner's own."""
        candidates, rounds = KEYS.get(self.planner, ("candidates", "rounds"))
        knobs: dict[str, object] = {candidates: self.candidates}
        if rounds is not None:
            knobs[rounds] = self.rounds
        if "elites" in block:
            knobs["elites"] = max(2, self.candidates // ELITES)
        own: dict[str, object] = {f"planners.{self.planner}.{key}": knobs[key] for key in knobs}
        return {"planner": self.planner, **own, SAMPLING_STEPS: self.steps}


POINTS = tuple(
    Point(planner, candidates, rounds, STEPS)
    for planner, efforts in EFFORTS.items()
    for candidates, rounds in efforts
)
