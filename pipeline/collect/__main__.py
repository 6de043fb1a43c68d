"""`python -m pipeline.collect RAW`."""

from pathlib import Path
from typing import Annotated

from pipeline import stage
from pipeline.arguments import PARAMS, ParamsFile, SecondsFile, output


def command(
    raw: Annotated[Path, output("RAW", "Folder for the episodes, in their published layout.")],
    params: ParamsFile = PARAMS,
    seconds: SecondsFile = None,
) -> None:
    """Simulate episodes in the published layout of the data set."""
    from pipeline import variants
    from pipeline.collect import Options
    from pipeline.params import read

    with stage.timed(seconds) as say:
        settings = read(params)
        options = settings.section("collect", Options)
        chosen = settings.variant(variants.WORLDS)
        dataset = settings.variant(variants.DATASETS).build()
        episodes = chosen.build().collect(options.episodes, options.steps, options.seed)
        with stage.output(raw) as partial:
            dataset.write(stage.track(episodes, "collect", options.episodes), partial)
        frames = options.episodes * options.steps
        sizes = f"{options.episodes} episodes, {frames} frames"
        say(f"collect: {sizes} of {chosen.name} in {raw}", frames)


if __name__ == "__main__":
    stage.main(command)
