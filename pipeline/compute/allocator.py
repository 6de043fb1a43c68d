"""How C's allocator returns memory, which decides how long large tensors take on a CPU."""

import ctypes
import platform

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Of glibc's malloc.h."""
LARGEST = 2**30
"""Bytes up to which freed memory is kept for the next tensor of its size."""


def keep_freed_memory() -> None:
    """Let freed tensors be reused, for the whole process.

    By default glibc maps each large block anew and gives it back when it is freed, so that the
    kernel clears every page of every activation again: a third of the time of encoding. Does
    nothing where C's library is another one.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_THRESHOLD, LARGEST)
        libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
