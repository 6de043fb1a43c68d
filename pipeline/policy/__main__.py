"""`python -m pipeline.policy LATENTS WORLD_MODEL POLICY METRICS`."""

from pathlib import Path
from typing import Annotated

from pipeline import stage
from pipeline.arguments import PARAMS, Latents, Model, ParamsFile, SecondsFile, output


def command(
    latents: Latents,
    world_model: Model,
    out: Annotated[Path, output("POLICY", "Folder for the policy.")],
    metrics: Annotated[Path, output("METRICS", "JSON file: how far it walks, and others.")],
    params: ParamsFile = PARAMS,
    seconds: SecondsFile = None,
) -> None:
    """Learn a walking policy in imagination, and try it in the simulator."""
    from pipeline.files import skipped
    from pipeline.metrics.schema.policy import PolicySkipped
    from pipeline.params import read

    if skipped.value(params, "policy", "method") == "none":
        with stage.timed(seconds) as summarise:
            reason = "policy.method is none"
            skipped.write_reason(out, reason)
            PolicySkipped(skipped=reason).write(metrics)
            summarise(f"policy: skipped, because {reason}")
        return
    from pipeline.policy.worker import Paths, work
    from pipeline.worlds import WORLDS

    settings = read(params)
    work(settings, settings.optional(WORLDS), Paths(latents, world_model, out, metrics, seconds))


if __name__ == "__main__":
    stage.main(command)
