"""HDF5 files are read within themselves, and take no more memory than their bytes warrant."""

import h5py
import numpy as np
import pytest

from pipeline.errors import DataError
from pipeline.files import hdf5
from pipeline.files.hdf5 import open_hdf5

ROWS = np.arange(12, dtype=np.float32).reshape(6, 2)


@pytest.fixture
def path(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["group/rows"] = ROWS
        file["group"].attrs["count"] = 6
        file["names"] = np.array([b"one", b"three"])
        file["group/again"] = file["group"]
        file["soft"] = h5py.SoftLink("/group/rows")
        file["elsewhere"] = h5py.ExternalLink("/etc/hosts", "x")
        file["one"] = 3.0
    return tmp_path / "a.h5"


def test_rows_are_those_of_the_array(path):
    with open_hdf5(path, "fetch it") as file:
        array = file.array("group/rows")
        assert (array.name, array.shape, array.dtype) == ("group/rows", (6, 2), np.float32)
        np.testing.assert_array_equal(array.rows(), ROWS)
        np.testing.assert_array_equal(array.rows(2, 4), ROWS[2:4])
        np.testing.assert_array_equal(array.rows(4, 99), ROWS[4:])


def test_names_groups_and_attributes(path):
    with open_hdf5(path, "fetch it") as file:
        assert file.names("group") == ["again", "rows"]
        assert file.names("nothing") == file.names("names") == []
        assert [name for name in file.names() if file.is_group(name)] == ["group"]
        assert file.attribute("group", "count") == 6
        assert file.attribute("group", "other") is file.attribute("nothing", "count") is None


def test_circles_and_links_are_no_arrays(path):
    with open_hdf5(path, "fetch it") as file:
        assert [array.name for array in file.arrays()] == ["names", "group/rows"]
        for name in ("soft", "elsewhere"):
            with pytest.raises(DataError, match=f"{name} in {name} is a link"):
                file.array(name)


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("group/row", "no array group/row; did you mean group/rows"),
        ("names/rows", "no array names/rows"),
        ("group", "group is a group; choose one of its arrays: group/rows"),
        ("one", "one: has no rows"),
    ],
)
def test_what_is_no_array_is_told(name, match, path):
    with open_hdf5(path, "fetch it") as file, pytest.raises(DataError, match=match):
        file.array(name)


def test_rows_of_more_than_the_limit_are_not_read(path, monkeypatch):
    monkeypatch.setattr(hdf5, "LARGEST", 16)
    with open_hdf5(path, "fetch it") as file:
        assert len(file.array("group/rows").rows(0, 2)) == 2
        with pytest.raises(DataError, match="3 rows are 24 bytes, where at most 16"):
            file.array("group/rows").rows(0, 3)


@pytest.mark.parametrize("chunk", [(1, 1000), (1000, 1000)])
def test_an_array_that_was_never_written_is_not_read_as_zeros(chunk, path):
    with h5py.File(path, "a") as file:
        file.create_dataset("claimed", (10**6, 1000), "u1", chunks=chunk)
    with (
        open_hdf5(path, "fetch it") as file,
        pytest.raises(DataError, match="claims 1,000,000,000"),
    ):
        file.array("claimed")


def test_a_missing_file_and_one_of_another_kind_are_told(tmp_path):
    (tmp_path / "b.h5").write_text("text")
    for name, match in (("absent.h5", "no such file; fetch it"), ("b.h5", "no HDF5 file")):
        with pytest.raises(DataError, match=match), open_hdf5(tmp_path / name, "fetch it"):
            pass
