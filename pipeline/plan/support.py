"""Why nothing can be planned: some worlds cannot be put back into a recorded state."""

from pipeline.latents.spec import LatentSpec
from pipeline.worlds import Recorder, World


def obstacle(world: Recorder, spec: LatentSpec) -> str | None:
    """What stands in the way of planning with latents of `spec` in a world, if anything does."""
    if not isinstance(world, World):
        return f"the simulator of {spec.dataset} records, but cannot be put into a recorded state"
    if world.state_dim != spec.state_dim:
        return (
            f"the recorded states have {spec.state_dim} numbers, but the simulator of "
            f"{spec.dataset} is restored from {world.state_dim}"
        )
    return None
