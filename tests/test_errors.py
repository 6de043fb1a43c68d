"""What the user can mend is told in one line."""

import errno
import os
from pathlib import Path

import pytest
from safetensors import SafetensorError

from pipeline.errors import DataError, disk_is_full, telling_full_disk

FULL = [errno.ENOSPC, errno.EDQUOT, errno.EFBIG]


def by_python(number):
    return OSError(number, os.strerror(number))


def by_safetensors(number):
    said = f"Error while serializing: I/O error: {os.strerror(number)} (os error {number})"
    return SafetensorError(said)


@pytest.mark.parametrize("raised", [by_python, by_safetensors])
def test_a_full_disk_a_quota_and_a_largest_file_are_the_same(raised):
    assert all(disk_is_full(raised(number)) for number in FULL)
    assert not any(disk_is_full(raised(number)) for number in (errno.EIO, errno.EACCES))


def test_it_is_told_with_the_place_and_what_is_kept():
    with (
        pytest.raises(
            DataError, match=r"^out: the disk is full, .*; half of it is kept: make room"
        ),
        telling_full_disk(Path("out"), "half of it is kept"),
    ):
        raise by_safetensors(errno.EFBIG)


def test_other_errors_stay_as_they_are():
    error = by_python(errno.EIO)
    with pytest.raises(OSError) as caught, telling_full_disk(Path("out"), "all"):  # noqa: PT011
        raise error
    assert caught.value is error
