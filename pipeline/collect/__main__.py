"""`python -m pipeline.collect RAW`."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline import stage


def command(
    raw: Annotated[Path, typer.Argument(help="Folder to write, in the layout of the data set.")],
    params: Annotated[Path, typer.Option(help="Parameters to read.")] = Path("params.yaml"),
    seconds: Annotated[Path | None, typer.Option(help="JSON file for the time taken.")] = None,
) -> None:
    """Simulate episodes in the published layout of the data set."""
    from pipeline import variants
    from pipeline.collect import Options
    from pipeline.params import read

    with stage.timed(seconds) as say:
        settings = read(params)
        options = settings.section("collect", Options)
        chosen = settings.variant(variants.WORLDS)
        layout = settings.variant(variants.DATASETS)
        world = chosen.module.build(chosen.options)
        dataset = layout.module.build(layout.options)
        episodes = world.collect(options.episodes, options.steps, options.seed)
        with stage.output(raw) as partial:
            dataset.write(stage.track(episodes, "collect", options.episodes), partial)
        frames = options.episodes * options.steps
        say(f"collect: {options.episodes} episodes, {frames} frames of {chosen.name} in {raw}")


if __name__ == "__main__":
    stage.main(command)
