"""Memory of freed tensors is reused."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource
from pipeline.compute.allocator import keep_freed_memory
if {keep}:
    keep_freed_memory()
block = 2**25 * b"x"
del block
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(8):
    block = 2**25 * b"x"
    del block
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(keep: bool) -> int:
    code = FAULTS.format(keep=keep)
    return int(subprocess.run([sys.executable, "-c", code], stdout=-1, check=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_freed_blocks_are_reused_instead_of_mapped_anew():
    assert faults(keep=True) < 0.1 * faults(keep=False)
