"""Work is handed out in order, and nobody is left waiting."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from cluster_helpers import worker_id
from helpers import ROOT

from pipeline.compute import parallel as cluster
from pipeline.errors import MachineError, ParamsError


def test_results_come_in_the_order_of_the_tasks():
    for workers in (1, 3):
        where = cluster.Options(workers=workers, ray=None)
        assert list(cluster.parallel_map(abs, [-3, 1, -2, 0], where)) == [3, 1, 2, 0]


def test_every_process_has_a_number_of_its_own_for_all_its_tasks(tmp_path):
    where = cluster.Options(workers=2, ray=None)
    found = set(cluster.parallel_map(partial(worker_id, tmp_path), [2] * 6, where))
    assert sorted(number for number, _ in found) == [0, 1]
    assert len({process for _, process in found}) == 2
    assert list(cluster.parallel_map(partial(worker_id, tmp_path), [2], where)) == [
        (0, os.getpid())
    ]


def test_a_process_that_was_killed_is_told_in_one_line():
    where = cluster.Options(workers=2, ray=None)
    with pytest.raises(MachineError, match=r"one of 2 worker processes was killed, .* memory ran"):
        list(cluster.parallel_map(os._exit, [9, 9], where))


def test_ray_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    where = cluster.Options(workers=None, ray="local")
    with pytest.raises(ParamsError, match=r"ray is missing; pip install -e '.\[ray\]'"):
        list(cluster.parallel_map(abs, [1], where))


SLEEPERS = """
import time
from pipeline.compute import parallel as cluster
if __name__ == "__main__":
    list(cluster.parallel_map(time.sleep, [60, 60], cluster.Options(workers=2, ray=None)))
"""


def children(pid: int) -> list[int]:
    shown = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return [int(line) for line in shown.stdout.split()]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_workers_end_with_the_process_that_started_them(tmp_path):
    script = tmp_path / "sleepers.py"
    script.write_text(SLEEPERS)
    with subprocess.Popen(
        [sys.executable, script], env={**os.environ, "PYTHONPATH": str(ROOT)}
    ) as parent:
        limit = time.monotonic() + 30
        while len(found := children(parent.pid)) < 2 and time.monotonic() < limit:
            time.sleep(0.05)
        time.sleep(1)  # until they have their tasks
        os.kill(parent.pid, signal.SIGKILL)
    assert found
    while any(map(alive, found)) and time.monotonic() < limit:
        time.sleep(0.05)
    assert not [pid for pid in found if alive(pid)]
