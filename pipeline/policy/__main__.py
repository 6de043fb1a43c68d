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
    from pipeline.diffusion.config import SKIPPED
    from pipeline.metrics.schema.policy import PolicySkipped
    from pipeline.params import read
    from pipeline.policy import Options
    from pipeline.worlds import WORLDS

    settings = read(params)
    simulator = settings.optional(WORLDS)
    if settings.section("policy", Options).method == "none":
        with stage.timed(seconds) as summarise:
            with stage.output(out) as partial:
                partial.mkdir(parents=True)
                (partial / SKIPPED).write_text("policy.method is none\n")
            PolicySkipped(skipped="policy.method is none").write(metrics)
            summarise("policy: skipped, because policy.method is none")
        return
    from pipeline.policy.worker import Paths, work

    work(settings, simulator, Paths(latents, world_model, out, metrics, seconds))


if __name__ == "__main__":
    stage.main(command)
