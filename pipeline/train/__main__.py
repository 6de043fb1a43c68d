"""`python -m pipeline.train LATENTS WORLD_MODEL METRICS CURVE`."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline import stage


def command(
    latents: Annotated[Path, typer.Argument(help="Latent cache written by encode.")],
    out: Annotated[Path, typer.Argument(metavar="WORLD_MODEL", help="Folder for the model.")],
    metrics: Annotated[Path, typer.Argument(help="JSON file for the final losses.")],
    curve: Annotated[Path, typer.Argument(help="CSV file for the loss curve.")],
    params: Annotated[Path, typer.Option(help="Parameters to read.")] = Path("params.yaml"),
    seconds: Annotated[Path | None, typer.Option(help="JSON file for the time taken.")] = None,
    logs: Annotated[Path | None, typer.Option(help="Folder for TensorBoard events.")] = None,
) -> None:
    """Train a diffusion-forcing world model on cached latents; resumes what was interrupted."""
    import torch

    from pipeline import device, variants
    from pipeline.latent_cache import open_cache
    from pipeline.params import read
    from pipeline.train import Options
    from pipeline.train.curve import TensorBoard, write_csv
    from pipeline.train.fit import Trainer, train
    from pipeline.train.windows import Windows
    from pipeline.train.world_model import Config, Part, WorldModel

    with stage.timed(seconds) as say:
        settings = read(params)
        options = settings.section("train", Options)
        cache = open_cache(latents)
        windows = Windows(cache, "train", options.frames, options.interval)
        parts = {
            family.selector: Part(name=chosen.name, options=chosen.options.model_dump())
            for family in (variants.DENOISERS, variants.OBJECTIVES)
            for chosen in [settings.variant(family)]
        }
        config = Config(
            denoiser=parts["denoiser"],
            objective=parts["objective"],
            frames=options.frames,
            interval=options.interval,
            spec=cache.spec,
        )
        with torch.random.fork_rng():
            torch.manual_seed(options.seed)  # layers initialise from the global generator
            trainer = Trainer(WorldModel(config, device.pick()), windows, options)
        board = TensorBoard(logs) if logs else None
        identity = (config.model_dump_json(), options.model_dump_json(), stage.code_digest())
        with stage.scratch("train", *identity) as scratch:
            for done in train(trainer, scratch):
                if board:
                    board.add(done, trainer.curve[done - 1])
            with stage.output(out) as partial:
                trainer.model.save(partial)
            write_csv(trainer.curve, curve)
            tail = trainer.curve[-max(1, options.steps // 10) :, 0]
            weights = sum(p.numel() for p in trainer.model.denoiser.parameters())
            stage.write_json(
                metrics,
                {"loss": float(tail.mean()), "steps": options.steps, "parameters": weights},
            )
        if board:
            board.close()
        sizes = f"{options.steps} steps, {weights:,} parameters"
        say(f"train: {sizes}, loss {tail.mean():.4f}, in {out}")


if __name__ == "__main__":
    stage.main(command)
