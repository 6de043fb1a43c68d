"""`python -m pipeline.evaluate LATENTS SHARDS CODEC WORLD_MODEL METRICS... HORIZON DREAMS`.

METRICS are METRICS, MEANS and ACTIONS.
"""

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
    means: Annotated[Path, output("MEANS", "JSON file for the scores averaged over frames.")],
    sensitivity: Annotated[
        Path, output("ACTIONS", "JSON file for the errors under true, zero and random actions.")
    ],
    horizon: Annotated[Path, output("HORIZON", "CSV file for the scores by generated frame.")],
    dreams: Annotated[Path, output("DREAMS", "NPZ file for long rollouts and their ground truth.")],
    params: ParamsFile = PARAMS,
    seconds: SecondsFile = None,
) -> None:
    """Score generated against recorded frames on fixed validation clips, beside baselines."""
    import torch

    from pipeline.compute import parallel as cluster
    from pipeline.compute.threads import one_on_cpu
    from pipeline.evaluate import actions, clips, motion, outputs
    from pipeline.evaluate.control import with_cameras
    from pipeline.evaluate.scores import score
    from pipeline.evaluate.spread import Inputs, load, scorer
    from pipeline.params import read

    with stage.timed(seconds) as summarise, one_on_cpu():
        inputs = Inputs(params, latents, codec, world_model)
        settings = read(params)
        loaded = load(inputs)
        evaluator = loaded.evaluator
        fixed, long = clips.select(loaded.cache, shards, evaluator.model.config, loaded.options)
        asked = settings.section("cluster", cluster.Options)
        batches = -(-len(fixed) // loaded.options.batch)
        generator = torch.Generator().manual_seed(loaded.options.seed)
        world = motion.of_world(settings, evaluator.model.spec)
        evaluation, scores = score(loaded, fixed, world, generator, scorer(inputs, asked, batches))
        scores.write(metrics)
        scores.means().write(means)
        listens = actions.sensitivity(evaluator, fixed, evaluation.last_latents)
        with_cameras(listens, evaluation.camera_errors).write(sensitivity)
        outputs.write_horizon(scores, horizon)
        outputs.write_dreams(evaluator, long, generator, dreams)
        summarise(
            f"evaluate: {len(fixed)} clips, {outputs.headline(scores)}, in {metrics}",
            len(fixed),
            "clips",
        )


if __name__ == "__main__":
    stage.main(command)
