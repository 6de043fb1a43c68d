"""Rows gathered from mapped files are those that zarr reads, and damage is noticed when used."""

import google_crc32c
import numpy as np
import pytest
import zarr
from numpy.random import default_rng
from zarr.codecs import Crc32cCodec

from pipeline.errors import DataError
from pipeline.latents.mapped_rows import Rows, mappable

LENGTH, CHUNK, SHARD = 300, 16, 64


def stored(folder, dtype="float16", row=(2, 3, 5), **changes):
    """An array of rows that are all different, in five shards of which the last is not full."""
    values = default_rng(0).integers(-100, 100, (LENGTH, *row)).astype(dtype)
    layout = {
        "chunks": (CHUNK, *row),
        "shards": (SHARD, *row),
        "compressors": [Crc32cCodec()],
        "config": {"write_empty_chunks": True},
        **changes,
    }
    array = zarr.create_group(folder).create_array(
        "mean", shape=values.shape, dtype=values.dtype, **layout
    )
    array[:] = values
    return values


def opened(folder):
    return Rows(folder, zarr.open_group(folder, mode="r")["mean"])


def file_of(folder, shard):
    return next(p for p in (folder / "mean" / "c" / str(shard)).rglob("*") if p.is_file())


def flip(folder, shard, place):
    path = file_of(folder, shard)
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("dtype", ["float16", "int8", "float32"])
@pytest.mark.parametrize("row", [(2, 3, 5), (7,)])
def test_rows_are_those_that_zarr_reads(tmp_path, capsys, dtype, row):
    values = stored(tmp_path, dtype, row)
    rows, array = opened(tmp_path), zarr.open_group(tmp_path, mode="r")["mean"]
    assert mappable(array)
    np.testing.assert_array_equal(array[:], values)
    edges = np.array([0, 15, 16, 63, 64, 127, 128, 255, 256, 299])
    for indices in (edges, edges[::-1], default_rng(1).integers(0, LENGTH, (9, 4)), edges[:0]):
        found = rows[indices]
        assert found.dtype == values.dtype
        np.testing.assert_array_equal(found, values[indices])
        flat = indices.reshape(-1)
        for each, index in zip(rows.one_by_one(flat), flat, strict=True):
            np.testing.assert_array_equal(each.numpy(), values[index], strict=True)
    for part in (slice(60, 70), slice(None), slice(5, 290, 7)):
        np.testing.assert_array_equal(rows[part], values[part])
    assert (len(rows), rows.shape) == (LENGTH, values.shape)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"compressors": None},
        {"compressors": "auto"},
        {"shards": None},
        {"chunks": (CHUNK, 1, 3, 5)},
        {"shards": {"shape": (SHARD, 2, 3, 5), "index_location": "start"}},
    ],
    ids=["no checksum", "compressed", "no shards", "rows in parts", "index first"],
)
def test_an_array_that_lies_otherwise_is_read_all_the_same_and_not_in_silence(
    tmp_path, capsys, changes
):
    values = stored(tmp_path, **changes)
    assert not mappable(zarr.open_group(tmp_path, mode="r")["mean"])
    indices = default_rng(1).integers(0, LENGTH, (9, 4))
    np.testing.assert_array_equal(opened(tmp_path)[indices], values[indices])
    np.testing.assert_array_equal(opened(tmp_path)[60:70], values[60:70])
    first, _ = capsys.readouterr().err.splitlines()
    assert f"/mean: read by zarr {zarr.__version__}, many times as slowly" in first


def test_chunks_may_stand_in_any_order(tmp_path):
    values = stored(tmp_path, row=(7,))
    path = tmp_path / "mean" / "c" / "0" / "0"
    content, size = path.read_bytes(), CHUNK * 7 * 2 + 4
    chunks = [content[start : start + size] for start in range(0, 4 * size, size)]
    index = np.array([[3 * size, size], [0, size], [2 * size, size], [size, size]], "<u8").tobytes()
    parts = b"".join(chunks[number] for number in (1, 3, 2, 0))
    path.write_bytes(parts + index + google_crc32c.value(index).to_bytes(4, "little"))
    np.testing.assert_array_equal(zarr.open_group(tmp_path, mode="r")["mean"][:], values)
    np.testing.assert_array_equal(opened(tmp_path)[:], values)


def test_a_flipped_byte_is_noticed_when_its_chunk_is_used_and_only_then(tmp_path):
    values = stored(tmp_path)
    flip(tmp_path, 1, CHUNK * 60 + 4 + 100)  # the second chunk of the second shard: rows 80..95
    rows = opened(tmp_path)
    sound = np.r_[0:80, 96:LENGTH]
    np.testing.assert_array_equal(rows[sound], values[sound])
    for _ in range(2):
        with pytest.raises(DataError, match=r"/mean: damaged \(the checksum of chunk 1 is .*dvc"):
            rows[np.array([3, 95])]
        with pytest.raises(DataError, match=r"/mean: damaged \(the checksum of chunk 1 is .*dvc"):
            list(rows.one_by_one(np.array([3, 95])))


def test_a_damaged_index_is_noticed_when_its_shard_is_used(tmp_path):
    values = stored(tmp_path)
    flip(tmp_path, 0, -10)
    rows = opened(tmp_path)
    np.testing.assert_array_equal(rows[64:], values[64:])
    with pytest.raises(DataError, match=r"/mean: damaged \(the checksum of the index"):
        rows[:1]


@pytest.mark.parametrize("kept", [0, 1, 10, 1000])
def test_a_truncated_shard_is_noticed(tmp_path, kept):
    stored(tmp_path)
    path = file_of(tmp_path, 0)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DataError, match="/mean: damaged"):
        opened(tmp_path)[:1]


def test_a_chunk_that_was_never_written_is_damage(tmp_path):
    row = (2, 3, 5)
    array = zarr.create_group(tmp_path).create_array(
        "mean", shape=(SHARD, *row), dtype="int8", chunks=(CHUNK, *row), shards=(SHARD, *row),
        compressors=[Crc32cCodec()],
    )  # fmt: skip
    array[:CHUNK] = 1
    rows = opened(tmp_path)
    assert (rows[:CHUNK] == 1).all()
    with pytest.raises(DataError, match=r"/mean: damaged \(chunk 1 is incomplete\)"):
        rows[CHUNK : CHUNK + 1]


def test_rows_beyond_the_end_are_refused(tmp_path):
    stored(tmp_path)
    for beyond in (LENGTH, -1):
        with pytest.raises(IndexError, match="has 300 rows"):
            opened(tmp_path)[np.array([0, beyond])]


def test_what_is_returned_may_be_written_to(tmp_path):
    values = stored(tmp_path)
    rows = opened(tmp_path)
    rows[:3][:] = 0
    np.testing.assert_array_equal(rows[:3], values[:3])
