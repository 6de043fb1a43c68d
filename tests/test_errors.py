"""What the user can mend is told in one line."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import SafetensorError

from pipeline.errors import DataError, disk_is_full, machine_fault, telling_full_disk

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


@pytest.mark.parametrize(
    ("raised", "line"),
    [
        (by_python(errno.ENOSPC), "the disk is full, or its quota; make room"),
        (by_python(errno.EROFS), "read-only file system; work in a folder that can be written to"),
        (by_python(errno.EACCES), "permission denied; grant yourself access"),
        (by_python(errno.EISDIR), "is a directory; a file belongs there"),
        (by_python(errno.ENOMEM), "memory does not suffice"),
        (MemoryError(), "memory does not suffice (nothing more is known); close other programs"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes"), "memory does not"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"), "memory does not"),
        (np._core._exceptions._ArrayMemoryError((2**60,), np.dtype("u1")), "memory does not"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_what_the_machine_refuses_or_lacks_is_told_with_the_way_out(raised, line):
    assert machine_fault(raised).startswith(line)


def test_our_own_bugs_are_no_fault_of_the_machine():
    for error in (RuntimeError("shapes"), KeyError("a"), ValueError("b"), OSError("no errno")):
        assert machine_fault(error) is None
