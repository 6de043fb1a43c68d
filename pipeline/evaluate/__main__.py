"""`python -m pipeline.evaluate LATENTS SHARDS CODEC WORLD_MODEL METRICS MEANS HORIZON DREAMS`."""

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
    metrics: Annotated[Path, output("METRICS", "JSON file for scores by generated frame.")],
    means: Annotated[Path, output("MEANS", "JSON file for their means over the frames.")],
    horizon: Annotated[Path, output("HORIZON", "CSV file: every score by generated frame.")],
    dreams: Annotated[Path, output("DREAMS", "NPZ file: long rollouts beside the truth.")],
    params: ParamsFile = PARAMS,
    seconds: SecondsFile = None,
) -> None:
    """Score generated against true frames on fixed validation clips, beside honest baselines."""
    import torch

    from pipeline import device, encoders
    from pipeline.evaluate import Options, clips, evaluate, outputs
    from pipeline.latent_cache import open_cache
    from pipeline.params import read
    from pipeline.train import rollout
    from pipeline.train import world_model as models

    with stage.timed(seconds) as say:
        settings = read(params)
        options = settings.section("evaluate", Options)
        cache = open_cache(latents)
        model = models.load(world_model, device.pick(), cache)
        encoder = encoders.load_for(model.spec, codec).to(device.pick())
        sampling = rollout.chosen(settings, options.sampling)
        options.sampling.check_fits(
            model.config.frames,
            stochastic=model.objective.stochastic_steps,
            place="evaluate.sampling",
        )
        judge = evaluate.Judge(model, encoder, sampling, options.context)
        fixed, long = clips.choose(cache, shards, model.config, options)
        generator = torch.Generator().manual_seed(options.seed)
        scores = evaluate.summary(evaluate.evaluate(judge, fixed, options.batch, generator))
        stage.write_json(metrics, scores)
        stage.write_json(means, outputs.means(scores))
        outputs.write_horizon(scores, horizon)
        outputs.write_dreams(judge, long, generator, dreams)
        say(
            f"evaluate: {len(fixed)} clips, {outputs.headline(scores)}, in {metrics}",
            len(fixed),
            "clips",
        )


if __name__ == "__main__":
    stage.main(command)
