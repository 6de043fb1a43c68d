"""Work is handed out in order, and nobody is left waiting."""

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial

import pytest
import torch
from cluster_helpers import killed_once, worker_id, wrong_or_long
from helpers import ROOT
from process_helpers import descendants, ended

from pipeline.compute import parallel as cluster
from pipeline.compute import worker
from pipeline.compute.on_processes import LOSSES
from pipeline.compute.shared import Shared
from pipeline.errors import DataError, MachineError, ParamsError


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


def test_processes_that_are_killed_every_time_are_told_in_one_line(capfd):
    where = cluster.Options(workers=2, ray=None)
    with pytest.raises(MachineError, match=r"one of 2 worker .* killed, 4 times, .* memory"):
        list(cluster.parallel_map(os._exit, [9, 9], where))
    assert capfd.readouterr().err.count("its work is done again") == LOSSES


def test_work_that_a_killed_process_has_left_is_done_again(tmp_path, capfd):
    where = cluster.Options(workers=2, ray=None)
    found = cluster.parallel_map(partial(killed_once, tmp_path), [4, 3, 2, 1], where)
    assert list(found) == [4, 3, 2, 1]
    assert "a worker process was killed; its work is done again" in capfd.readouterr().err


def test_an_error_of_one_ends_the_others_at_once():
    started, where = time.monotonic(), cluster.Options(workers=2, ray=None)
    with pytest.raises(DataError, match="a piece is wrong"):
        list(cluster.parallel_map(wrong_or_long, [60.0, 0.0], where))
    assert time.monotonic() - started < 30


def test_tasks_are_asked_for_as_they_are_sent_and_tensors_come_back_whole():
    where = cluster.Options(workers=2, ray=None)
    found = list(cluster.parallel_map(torch.neg, Slices(torch.arange(40.0)), where))
    assert torch.equal(torch.cat(found), -torch.arange(40.0))


def test_a_view_is_sent_without_the_rest_of_its_tensor():
    whole = torch.zeros(10**5)
    assert len(worker.pack(whole[:10])) < 1000 < len(worker.pack(whole))


def test_what_tasks_share_is_made_once_in_a_process():
    parts = Shared(Slices(torch.arange(4.0)))
    tasks = [worker.pack((parts, number)) for number in range(2)]
    (first, one), (second, two) = (pickle.loads(task) for task in tasks)
    assert (one, two) == (0, 1)
    assert first.value is second.value is not parts.value
    assert torch.equal(first.value[1], parts.value[1])
    other = pickle.loads(worker.pack(Shared(Slices(torch.ones(2)))))
    assert torch.equal(other.value[0], torch.ones(1))


def test_ray_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    where = cluster.Options(workers=None, ray="local")
    with pytest.raises(ParamsError, match=r"ray is missing; pip install -e '.\[ray\]'"):
        list(cluster.parallel_map(abs, [1], where))


class Slices(Sequence[torch.Tensor]):
    """Ten parts of a tensor, cut when they are asked for."""

    def __init__(self, whole: torch.Tensor) -> None:
        self.parts = whole.chunk(10)

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, number: int) -> torch.Tensor:
        return self.parts[number]


SLEEPERS = """
import time
from pipeline.compute import parallel as cluster
if __name__ == "__main__":
    list(cluster.parallel_map(time.sleep, [60, 60], cluster.Options(workers=2, ray=None)))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_the_process_that_started_them(tmp_path, end):
    script = tmp_path / "sleepers.py"
    script.write_text(SLEEPERS)
    with subprocess.Popen(
        [sys.executable, script], env={**os.environ, "PYTHONPATH": str(ROOT)}
    ) as parent:
        limit = time.monotonic() + 30
        while len(found := descendants(parent.pid)) < 4 and time.monotonic() < limit:
            time.sleep(0.05)  # until there are two, what starts them, and what tracks resources
        time.sleep(1)  # until they have their tasks
        os.kill(parent.pid, end)
    assert len(found) == 4
    assert ended(found)
