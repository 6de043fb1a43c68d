"""Videos in memory: what encoding one leaves behind."""

import os
import sys

import pytest
from helpers import make_episode

from pipeline.episodes import video


@pytest.mark.skipif(sys.platform != "linux", reason="asks the scheduler of Linux")
@pytest.mark.parametrize("settings", [video.H264, video.AV1, video.LOSSLESS])
def test_encoding_gives_no_thread_real_time_priority(settings):
    """SVT-AV1 takes it where it may (root): other processes would starve, children inherit it."""
    while_encoding = []

    def frames():
        for frame in make_episode("e", length=6, size=64).frames:
            yield frame
            threads = map(int, os.listdir("/proc/self/task"))
            while_encoding.append({os.sched_getscheduler(thread) for thread in threads})

    before = os.sched_getscheduler(0), os.sched_getparam(0).sched_priority
    assert video.encode(frames(), 3, settings)
    assert (os.sched_getscheduler(0), os.sched_getparam(0).sched_priority) == before
    real_time = {os.SCHED_FIFO, os.SCHED_RR} - {before[0]}
    assert len(while_encoding) == 6
    assert not real_time & set().union(*while_encoding)
