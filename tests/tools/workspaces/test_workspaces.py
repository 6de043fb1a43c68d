"""Many runs at once: what fails is told and the rest goes on, and nothing is left behind."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers import ROOT
from process_helpers import descendants, ended
from runs_helpers import scripted

from pipeline.compute import parallel as cluster
from pipeline.errors import DataError
from pipeline.tools.workspaces.spread import carry_out, locked

ONE = cluster.Options(workers=1, ray=None)
TWO = cluster.Options(workers=2, ray=None)
KILL_ONCE = (
    "import os, pathlib; first = not pathlib.Path('seen').exists(); pathlib.Path('seen').touch()\n"
    "if first: os.kill(os.getppid(), 9)\n"
    "print('in the end')"
)


def test_what_fails_is_told_in_a_line_and_the_rest_goes_on(tmp_path, capfd):
    code = {
        "a": "print('whole')",
        "b": "raise SystemExit('no such world')",
        "a_x": "print(open('../a/made').read() + ' and read')",
        "a_y": KILL_ONCE,
        "b_x": "print('never')",
    }
    lines: list[str] = []
    with pytest.raises(DataError, match=r"2 of 5 runs are not done, as 1 failed; .* these alone"):
        lines.extend(carry_out(tmp_path, scripted(tmp_path, **code), TWO))
    assert sorted(line.partition(" (")[0] for line in lines) == [
        *("a: 1 s", "a_x: 1 s", "a_y: 1 s", "b: made failed: no such world")
    ]
    assert capfd.readouterr().err.count("was killed; its work is done again") == 1
    assert (tmp_path / "a_x/made").read_text() == "whole\n and read\n"
    assert (tmp_path / "a_y/made").read_text() == "in the end\n"
    assert not (tmp_path / "b_x").exists()
    code["b"] = "print('mended')"  # a second call does what is left, and that alone
    again = list(carry_out(tmp_path, scripted(tmp_path, **code), TWO))
    assert again == ["b: 1 s (1 of 1)", "b_x: 1 s (1 of 1)"]


def test_runs_that_others_read_spread_their_own_work_where_they_are_too_few(tmp_path):
    code = {"a": "print('whole')", "a_x": "print(open('../a/made').read())"}
    three = cluster.Options(workers=3, ray=None)
    assert len(list(carry_out(tmp_path, scripted(tmp_path, **code), three))) == 2
    assert (tmp_path / "a_x/made").read_text() == "whole\nby 3\n\n"


def test_a_run_has_one_thread_and_a_gpu_of_those_that_the_workers_share(tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.tools.workspaces.spread._gpus", lambda where: ("5", "7"))
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    told = "import os; print(os.environ['OMP_NUM_THREADS'], os.environ['CUDA_VISIBLE_DEVICES'])"
    list(carry_out(tmp_path, scripted(tmp_path, a=told), ONE))
    assert (tmp_path / "a/made").read_text() == "1 5\n"


def test_two_do_not_work_in_one_folder(tmp_path):
    taken = pytest.raises(DataError, match="another run is using it")
    with locked(tmp_path), taken, locked(tmp_path):
        pass
    with locked(tmp_path):  # and is free again
        pass


def test_a_file_system_without_locks_is_worked_on_all_the_same(tmp_path, monkeypatch):
    def refuse(lock, how):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    with locked(tmp_path):
        assert (tmp_path / ".lock").exists()


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "params.yaml").touch()
    for name in ("params.yaml", "params.yaml/runs"):
        refused = pytest.raises(DataError, match=rf"{name}: cannot be created \(.*; name anoth")
        with refused, locked(tmp_path / name):
            pass


SLEEPERS = """
import sys
from pathlib import Path
from pipeline.compute import parallel as cluster
from pipeline.tools.workspaces.spread import carry_out
from runs_helpers import scripted
if __name__ == "__main__":
    folder, sleep = Path(sys.argv[1]), "open('begun', 'w'); import time; time.sleep(60)"
    where = cluster.Options(workers=int(sys.argv[2]), ray=None)
    list(carry_out(folder, scripted(folder, a=sleep, b=sleep, c=sleep), where))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(("end", "workers"), [(signal.SIGKILL, 2), (signal.SIGTERM, 1)])
def test_whatever_ends_the_command_ends_its_runs_too(tmp_path, end, workers):
    script = tmp_path / "sleepers.py"
    script.write_text(SLEEPERS)
    with subprocess.Popen(
        [sys.executable, script, tmp_path, str(workers)],
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
        stderr=subprocess.DEVNULL,
    ) as parent:
        limit = time.monotonic() + 60
        while len(begun(tmp_path)) < workers and time.monotonic() < limit:
            time.sleep(0.05)
        found = descendants(parent.pid)
        os.kill(parent.pid, end)
        assert parent.wait(timeout=30)
    assert len(begun(tmp_path)) == workers
    assert ended(found)
    with locked(tmp_path):
        assert not list(tmp_path.glob("*/made"))


def begun(folder: Path) -> list[Path]:
    """Marks of runs that have begun."""
    return list(folder.glob("*/begun"))
