"""`python -m pipeline.rollout LATENTS SHARDS CODEC WORLD_MODEL METRICS ROLLOUTS`."""

from pathlib import Path
from typing import Annotated

from pipeline import stage
from pipeline.arguments import (
    PARAMS,
    Codec,
    Latents,
    Model,
    ParamsFile,
    SecondsFile,
    Shards,
    output,
)


def command(
    latents: Latents,
    shards: Shards,
    codec: Codec,
    world_model: Model,
    metrics: Annotated[Path, output("METRICS", "JSON file for the scores by generated frame.")],
    rollouts: Annotated[Path, output("ROLLOUTS", "Folder for videos of some rollouts.")],
    params: ParamsFile = PARAMS,
    seconds: SecondsFile = None,
) -> None:
    """Score rollouts far longer than the window, beside repeating the last frame given."""
    from pipeline.files import skipped
    from pipeline.metrics.schema.rollout import RolloutSkipped
    from pipeline.params import read
    from pipeline.rollout import Options

    with stage.timed(seconds) as summarise:
        if not skipped.value(params, "rollout", "clips"):
            reason = "rollout.clips is 0"
            skipped.write_reason(rollouts, reason)
            RolloutSkipped(skipped=reason).write(metrics)
            summarise(f"rollout: skipped, because {reason}")
            return
        from pipeline.rollout.stage import Artefacts, run

        settings = read(params)
        options = settings.section("rollout", Options)
        with stage.output(rollouts) as partial:
            partial.mkdir(parents=True)
            artefacts = Artefacts(latents, shards, codec, world_model)
            scores = run(settings, options, artefacts, partial)
        scores.write(metrics)
        model, repeated = scores.model.psnr.mean[-1], scores.repeat_last.psnr.mean[-1]
        said = f"PSNR {model:.1f} dB at frame {scores.frames} ({repeated:.1f} by repeating)"
        summarise(f"rollout: {said}, in {metrics}", scores.clips * scores.frames)


if __name__ == "__main__":
    stage.main(command)
