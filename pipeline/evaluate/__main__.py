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

    from pipeline import encoders
    from pipeline.compute import device
    from pipeline.diffusion.sampling import build_sampling
    from pipeline.dynamics.load import load_for
    from pipeline.evaluate import Options, actions, clips, distractor, outputs
    from pipeline.evaluate.control import with_cameras
    from pipeline.evaluate.generate import Evaluator
    from pipeline.evaluate.scores import score
    from pipeline.latents.cache import open_cache
    from pipeline.metrics import frames
    from pipeline.params import read

    with stage.timed(seconds) as summarise:
        settings = read(params)
        options = settings.section("evaluate", Options)
        cache = open_cache(latents)
        model = load_for(world_model, device.pick(), cache)
        options = options.given(model.context)
        encoder = encoders.load_for(model.spec, codec).to(device.pick())
        sampling = model.own(build_sampling(settings, options.sampling), "evaluate.sampling")
        distracting = distractor.of_world(settings, cache.spec)
        scorers = distractor.scorers(frames.build(options.perceptual, device.pick()), distracting)
        evaluator = Evaluator(model, encoder, sampling, options.context, cache.spec, scorers)
        fixed, long = clips.select(cache, shards, model.config, options)
        generator = torch.Generator().manual_seed(options.seed)
        evaluation, scores = score(evaluator, cache, fixed, distracting, options, generator)
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
