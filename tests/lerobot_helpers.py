"""LeRobot data sets with moving pictures, and ways to damage them."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from helpers import default

from pipeline.episodes.episode import Episode
from pipeline.formats import FORMATS

CAMERA = "observation.images.image"
DATA = "data/chunk-000/episode_000001.parquet"
VIDEO = f"videos/chunk-000/{CAMERA}/episode_000001.mp4"
TASKS = ("pick the cube", "öffne die Schublade")
CODEC = 5.0  # mean error of AV1 on the waves below: 3.3 of 255; from one frame to the next: 25


def layout(camera=CAMERA, **options):
    module, options = default(FORMATS, "rt1", video=camera, **options)
    return module.build(options)


def waves(length, phase, height=48, width=64):
    """Frames of a moving pattern."""
    y, x, t = np.mgrid[:height, :width, :length]
    bands = [np.sin((x + 5 * t) / 9 + c + phase) * np.cos((y - 3 * t) / 8) for c in range(3)]
    return (127 + 90 * np.stack(bands, -1)).astype(np.uint8).transpose(2, 0, 1, 3).copy()


def make(number, length, states=11):
    rng = np.random.default_rng(number)
    return Episode(
        key=f"episode_{number:06d}",
        frames=waves(length, number),
        actions=rng.normal(size=(length, 7)).astype(np.float32),
        states=rng.normal(size=(length, states)).astype(np.float32),
        meta={"task": TASKS[number % 2], "fps": 3},
    )


EPISODES = [make(0, 12), make(1, 9), make(2, 7)]


def assert_same_video(ours, truth, error):
    """Frames are within a codec's mean error, and each is nearest to its own original."""
    assert ours.shape == truth.shape
    errors = np.abs(ours[:, None].astype(np.int16) - truth[None]).mean((2, 3, 4))
    assert errors.diagonal().max() < error
    np.testing.assert_array_equal(errors.argmin(1), np.arange(len(truth)))


def edit(path, change):
    """Edit a JSON file."""
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def replace(path, name, values):
    """Replace a column of a parquet file, or drop it if None."""
    table = pq.read_table(path)
    place = table.schema.get_field_index(name)
    table = table.remove_column(place)
    pq.write_table(table if values is None else table.append_column(name, [values]), path)


def info_with(**values):
    return lambda raw: edit(raw / "meta/info.json", lambda info: info.update(values))


def feature_with(name, **values):
    return lambda raw: edit(
        raw / "meta/info.json", lambda info: info["features"][name].update(values)
    )


def cut_short(name, size=400):
    return lambda raw: (raw / name).write_bytes((raw / name).read_bytes()[:size])


def column(name, values, file=DATA):
    return lambda raw: replace(raw / file, name, values)


def vectors(values):
    return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])
