"""Simulate episodes, or take the inventory of a data set that the user has."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from pipeline import stage
from pipeline.collect import Options
from pipeline.collect.inventory import write_inventory
from pipeline.collect.listing import folder_of
from pipeline.collect.root import place_of
from pipeline.episodes.episode import Episode
from pipeline.errors import ParamsError
from pipeline.formats import FORMATS, Format, WritableFormat
from pipeline.params import Settings
from pipeline.worlds import WORLDS, Recorder


def collect(settings: Settings, raw: Path) -> tuple[Format, str, int]:
    """Write episodes, or the inventory of `datasets.NAME.root`, to the new folder `raw`.

    Returns:
        The data set's reader, a summary of one line, and the number of simulated frames.

    Raises:
        DataError: the folder `root` is not there, or does not have the data set's layout.
    """
    selected = settings.variant(FORMATS)
    dataset: Format = selected.build()
    if (place := place_of(selected.options, raw.parent)) is not None:
        root = folder_of(place)
        episodes = len(dataset.open(root))
        with stage.output(raw) as partial:
            files = write_inventory(place, partial)
        return dataset, f"{episodes} episodes of {settings.dataset} in {files} files of {root}", 0
    world = settings.variant(WORLDS)
    if not isinstance(dataset, WritableFormat):
        raise ParamsError(
            f"{settings.place(FORMATS)} = {selected.name!r} cannot be written, so nothing can be "
            f"simulated in it; name the folder of your files in datasets.{settings.dataset}.root"
        )
    recorder: Recorder = world.build()
    count, steps = world.options.episodes, world.options.steps
    recorded = recorder.collect(count, steps, settings.section("collect", Options).seed)
    lengths: list[int] = []
    with stage.output(raw) as partial:
        dataset.write(_counted(stage.track(recorded, "collect", count), lengths), partial)
    frames = sum(lengths)
    return dataset, f"{count} episodes, {frames} frames of {settings.dataset} in {raw}", frames


def _counted(episodes: Iterable[Episode], lengths: list[int]) -> Iterator[Episode]:
    """The same episodes, whose lengths are noted: a robot that falls ends its own."""
    for episode in episodes:
        lengths.append(len(episode))
        yield episode
        del episode  # else two episodes are in memory while the next one is recorded
