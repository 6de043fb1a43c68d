"""Worlds that support planning: those that can be restored to a recorded state."""

from pipeline.latents.spec import LatentSpec
from pipeline.worlds import Recorder, World


def plannable(recorder: Recorder | None, spec: LatentSpec) -> World | str:
    """The simulator if latents of `spec` can be planned in it, else the reason why not."""
    if recorder is None:
        return f"{spec.dataset} has no simulator (datasets.{spec.dataset}.world)"
    if not isinstance(recorder, World):
        return f"the simulator of {spec.dataset} records, but cannot be put into a recorded state"
    if recorder.state_dim != spec.state_dim:
        return (
            f"the recorded states have {spec.state_dim} numbers, but the simulator of "
            f"{spec.dataset} is restored from {recorder.state_dim}"
        )
    return recorder
