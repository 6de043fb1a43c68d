"""Small CSGO data sets."""

import shutil
from pathlib import Path

import numpy as np
from dataset_helpers import example_episode
from helpers import default

from pipeline.formats import FORMATS
from pipeline.formats.csgo import lists


def layout(splits=None):
    module, options = default(FORMATS, "csgo", splits=None if splits is None else str(splits))
    return module.build(options)


def place(raw, number, folder="1-200"):
    return raw / folder / f"hdf5_dm_july2021_{number}.hdf5"


def copies(first, *numbers):
    """Copy a recording to other numbers."""
    for number in numbers:
        shutil.copy(first, place(first.parent.parent, number))


def write_lists(folder, train, test, starts):
    folder.mkdir(exist_ok=True)
    for file, numbers in ((lists.TRAIN, train), (lists.TEST, test)):
        (folder / file).write_text("".join(f"hdf5_dm_july2021_{n}.hdf5\n" for n in numbers))
    np.save(folder / lists.STARTS, np.array(starts, np.int64))


def keys(source, indices):
    return [int(source.key(index).rpartition("_")[2]) for index in indices]


def record(raw: Path):
    """Write a recording of four steps, number 1."""
    layout().write([example_episode("csgo", 0, 4)], raw)
    return place(raw, 1)
