"""Arrays are read without unpickling, and a header takes no memory that it has no bytes for."""

import io
import struct
import zipfile

import numpy as np
import pytest

from pipeline.errors import DataError
from pipeline.files.npy import read_npy, read_npz


def npy(header, body=b""):
    """A .npy file with any header."""
    text = header.encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + body


def of(array):
    """A .npy file as numpy writes it."""
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


WHOLE = of(np.arange(6, dtype=np.uint8))
HEADER = "{'descr': '|u1', 'fortran_order': False, 'shape': %s}\n"
DAMAGED = {
    "empty": (b"", "EOF"),
    "zeros": (bytes(200), "the magic string is not correct"),
    "truncated": (WHOLE[:-1], "its header claims (6,) of uint8"),
    "giant": (npy(HEADER % "(1000000000000,)"), "its header claims (1000000000000,) of uint8"),
    "negative": (npy(HEADER % "(-1,)"), "its header claims (-1,) of uint8"),
    "negatives": (npy(HEADER % "(-4, -9)", bytes(40)), "its header claims (-4, -9)"),
    "words": (npy(HEADER % "('a',)"), "shape is not valid"),
    "nested": (npy("(" * 9000), ""),
    "objects": (of(np.array([{}])), "its objects would need allow_pickle"),
    "future": (b"\x93NUMPY\x03\x00" + bytes(90), "version (3, 0) of npy is unknown"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_array_is_told_in_one_line(tmp_path, name):
    content, problem = DAMAGED[name]
    path = tmp_path / "a.npy"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_npy(path, "fetch it again")
    assert str(caught.value).startswith(f"{path}: damaged (")
    assert problem in str(caught.value)
    assert str(caught.value).endswith("; fetch it again")
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("a.npy", content)
    with pytest.raises(DataError, match=r"a\.npz: damaged \("):
        read_npz(tmp_path / "a.npz", "make it again")


def test_any_flipped_byte_of_an_archive_is_an_array_or_one_line(tmp_path):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, a=np.arange(9.0), b=np.zeros((2, 3), np.uint8))
    content = path.read_bytes()
    for place in range(len(content)):
        for bit in (1, 128):
            changed = bytearray(content)
            changed[place] ^= bit
            path.write_bytes(changed)
            try:
                assert len(read_npz(path, "make it again")) <= 2
            except DataError as error:
                assert str(error).startswith(f"{path}: damaged (")  # noqa: PT017


@pytest.mark.parametrize(
    ("expected", "problem"),
    [
        ({"a": "uint8 n 3", "b": "bool n"}, None),
        ({"a": "uint8 n n"}, "a is uint8 [2, 3], not uint8 n n"),
        ({"a": "uint8 n 3", "c": "bool n"}, "c is bool [4], not bool n"),
        ({"a": "int64 n 3"}, "a is uint8 [2, 3], not int64 n 3"),
        ({"a": "uint8 n"}, "a is uint8 [2, 3], not uint8 n"),
        ({"z": "uint8 n"}, "no array z"),
    ],
)
def test_arrays_are_those_that_are_expected(tmp_path, expected, problem):
    path = tmp_path / "a.npz"
    np.savez(path, a=np.zeros((2, 3), np.uint8), b=np.ones(2, bool), c=np.ones(4, bool))
    if problem is None:
        assert set(read_npz(path, "", expected)) == {"a", "b", "c"}
        return
    with pytest.raises(DataError) as caught:
        read_npz(path, "make it again", expected)
    assert f"damaged ({problem})" in str(caught.value)
