"""`python -m pipeline.evaluate LATENTS SHARDS CODEC WORLD_MODEL METRICS MEANS ...`."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline import stage


def command(
    latents: Annotated[Path, typer.Argument(help="Latent cache written by encode.")],
    folder: Annotated[Path, typer.Argument(metavar="SHARDS", help="Episodes written by ingest.")],
    codec: Annotated[Path, typer.Argument(help="Encoder made by fit.")],
    world_model: Annotated[Path, typer.Argument(help="Model written by train.")],
    metrics: Annotated[Path, typer.Argument(help="JSON file for scores by generated frame.")],
    means: Annotated[Path, typer.Argument(help="JSON file for their means over the frames.")],
    horizon: Annotated[Path, typer.Argument(help="CSV file: every score by generated frame.")],
    dreams: Annotated[Path, typer.Argument(help="NPZ file: long rollouts beside the truth.")],
    params: Annotated[Path, typer.Option(help="Parameters to read.")] = Path("params.yaml"),
    seconds: Annotated[Path | None, typer.Option(help="JSON file for the time taken.")] = None,
) -> None:
    """Score generated against true frames on fixed validation clips, beside honest baselines."""
    import torch

    from pipeline import device, encoders, variants
    from pipeline.evaluate import Options, clips, evaluate, outputs
    from pipeline.latent_cache import open_cache
    from pipeline.params import read
    from pipeline.train import world_model as models
    from pipeline.train.windows import Windows

    with stage.timed(seconds) as say:
        settings = read(params)
        options = settings.section("evaluate", Options)
        sampler = settings.variant(variants.SAMPLERS)
        cache = open_cache(latents)
        model = models.load(world_model, device.pick())
        encoder = encoders.load_for(model.spec, codec)
        model.check_cache(cache)
        sampling = models.Sampling(sampler.module.build(sampler.options), options.sampling_steps)
        judge = evaluate.Judge(model, encoder, sampling)
        generator = torch.Generator().manual_seed(options.seed)
        windows = Windows(cache, "val", model.config.frames, model.config.interval)
        chosen = clips.fixed_clips(windows, folder, options.clips, options.seed)
        scores = evaluate.summary(evaluate.evaluate(judge, chosen, options.batch, generator))
        interval, place = model.config.interval, "evaluate.dream_frames"
        long = Windows(cache, "val", options.dream_frames, interval, place)
        shown = clips.dream_clips(long, folder, options.dreams)
        stage.write_json(metrics, scores)
        stage.write_json(means, outputs.means(scores))
        outputs.write_horizon(scores, horizon)
        outputs.write_dreams(judge, shown, generator, dreams)
        say(f"evaluate: {options.clips} clips, {outputs.headline(scores)}, in {metrics}")


if __name__ == "__main__":
    stage.main(command)
