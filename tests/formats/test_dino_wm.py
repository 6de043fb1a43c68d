"""DINO-WM's layouts of tensors are written and read as they are published."""

import pickle

import numpy as np
import pytest
import torch
from dataset_helpers import (
    LENGTHS,
    TENSORS,
    change,
    frames_file,
    layout,
    read_all,
    write,
)

from pipeline.errors import DataError

PUBLISHED = {
    "wall": {
        "states.pth": (2, 6, 2),
        "actions.pth": (2, 6, 2),
        "door_locations.pth": (2, 6),
        "wall_locations.pth": (2, 6),
        "obses/episode_000.pth": (6, 3, 20, 24),
        "obses/episode_001.pth": (6, 3, 20, 24),
    },
    "point_maze": {
        "states.pth": (2, 6, 4),
        "actions.pth": (2, 6, 2),
        "seq_lengths.pth": (2,),
        "obses/episode_000.pth": (6, 20, 24, 3),
        "obses/episode_001.pth": (6, 20, 24, 3),
    },
    "rope": {
        "states.pth": (2, 6, 3, 4),
        "actions.pth": (2, 6, 4),
        "000000/obses.pth": (6, 20, 24, 3),
        "000001/obses.pth": (6, 20, 24, 3),
    },
    "granular": {
        "states.pth": (2, 6, 7, 4),
        "actions.pth": (2, 6, 4),
        "000000/obses.pth": (6, 20, 24, 3),
        "000001/obses.pth": (6, 20, 24, 3),
    },
}


@pytest.fixture(params=TENSORS)
def name(request):
    return request.param


def load(path):
    return torch.load(path, weights_only=True)


def assert_reads(name, folder, episodes):
    for read, written in zip(read_all(name, folder), episodes, strict=True):
        for field in ("frames", "actions", "states"):
            np.testing.assert_array_equal(getattr(read, field), getattr(written, field))


def test_files_are_as_published(name, tmp_path):
    write(name, tmp_path, (6, 6))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    found = {str(path.relative_to(tmp_path)): load(path) for path in files}
    assert {file: tuple(value.shape) for file, value in found.items()} == PUBLISHED[name]
    assert {value.dtype for file, value in found.items() if "obses" in file} == {torch.uint8}


def test_integral_floats_are_read_and_others_refused(name, tmp_path):
    episodes = write(name, tmp_path)
    path = tmp_path / frames_file(name, 0)
    change(path, lambda frames: frames.float())
    assert_reads(name, tmp_path, episodes)
    for wrong in (lambda f: f / 255, lambda f: f - 1, lambda f: f * 1000, lambda f: f * np.nan):
        stored = load(path)
        torch.save(wrong(stored), path)
        with pytest.raises(DataError, match=rf"{path}: frames are float32 but not integers"):
            read_all(name, tmp_path)
        torch.save(stored, path)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("dtype", ["u1", ">f4", "<i8"])
def test_numpy_arrays_are_read_by_either_spelling(dtype, zipped, tmp_path):
    episodes = write("point_maze", tmp_path)
    path = tmp_path / frames_file("point_maze", 1)
    frames = np.asfortranarray(episodes[1].frames.astype(dtype))
    torch.save(frames, path, _use_new_zipfile_serialization=zipped)
    assert_reads("point_maze", tmp_path, episodes)
    if not zipped:
        old = path.read_bytes().replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
        assert b"numpy.core.multiarray" in old
        path.write_bytes(old)
        assert_reads("point_maze", tmp_path, episodes)


def test_files_of_old_torch_are_read(name, tmp_path):
    episodes = write(name, tmp_path)
    for path in tmp_path.rglob("*.pth"):
        torch.save(load(path), path, _use_new_zipfile_serialization=False)
    assert_reads(name, tmp_path, episodes)


def test_frames_beyond_the_length_are_cut_and_padding_is_never_read(name, tmp_path):
    episodes = write(name, tmp_path)

    def spoil(table):
        for row, length in zip(table, LENGTHS, strict=True):
            row[length:] = torch.nan

    for table in ("states", "actions"):
        change(tmp_path / f"{table}.pth", spoil)
    change(tmp_path / frames_file(name, 0), lambda f: torch.cat([f.float(), f / 255]))
    assert_reads(name, tmp_path, episodes)


@pytest.mark.parametrize("stored", ["list.pkl", "list.pth", "tensor.pth", "array.pth"])
def test_lengths_are_read_from_any_file(stored, name, tmp_path):
    episodes = write(name, tmp_path)
    (tmp_path / "seq_lengths.pth").unlink()
    kind, ending = stored.split(".")
    values = {"list": list, "tensor": torch.tensor, "array": np.array}[kind](LENGTHS)
    path = tmp_path / f"seq_lengths.{ending}"
    if ending == "pkl":
        path.write_bytes(pickle.dumps(values))
    else:
        torch.save(values, path)
    assert_reads(name, tmp_path, episodes)


def test_locations_may_have_an_axis_more(tmp_path):
    write("wall", tmp_path, (6, 6))
    for table in ("door_locations", "wall_locations"):
        change(tmp_path / f"{table}.pth", lambda t: (t + torch.arange(6))[..., None].double())
    assert read_all("wall", tmp_path)[1].meta == {"door": 30.0, "wall": 32.0}


def test_opening_reads_no_frame(name, tmp_path):
    write(name, tmp_path)
    for index in range(len(LENGTHS)):
        (tmp_path / frames_file(name, index)).unlink()
    source = layout(name).open(tmp_path)
    assert len(source) == len(LENGTHS)
    with pytest.raises(DataError, match=rf"{frames_file(name, 2)}: no such file"):
        source[2]
