"""Episodes from a simulator, or an inventory of those that the user has."""

from pathlib import Path

from pipeline import families as variants
from pipeline import stage
from pipeline.collect import Options
from pipeline.collect.inventory import write_inventory
from pipeline.datasets import Dataset
from pipeline.params import Settings
from pipeline.worlds import Recorder


def collect(settings: Settings, raw: Path) -> tuple[Dataset, str, int]:
    """Write `raw`; return the layout it is in, what to say of it, and how many frames are new.

    Raises:
        DataError: what the user has is not of the layout.
    """
    chosen = settings.variant(variants.DATASETS)
    layout, dataset = chosen.options, chosen.build()
    if layout.root is not None:
        root = Path(layout.root)
        episodes = len(dataset.open(root))
        with stage.output(raw) as partial:
            files = write_inventory(root, partial)
        return dataset, f"{episodes} episodes of {chosen.name} in {files} files of {root}", 0
    world = settings.variant(variants.WORLDS)
    seed, amount = settings.section("collect", Options).seed, world.options
    recorder: Recorder = world.build()
    recorded = recorder.collect(amount.episodes, amount.steps, seed)
    with stage.output(raw) as partial:
        dataset.write(stage.track(recorded, "collect", amount.episodes), partial)
    frames = amount.episodes * amount.steps
    return dataset, f"{amount.episodes} episodes, {frames} frames of {world.name} in {raw}", frames
