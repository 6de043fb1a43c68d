"""The job scripts of docs/slurm.md, run by bash with stand-ins for `wm`, `git`, `dvc` and SLURM."""

import os
import re
import signal
import subprocess

import pytest
from helpers import ROOT

SCRIPTS = re.findall(r"```bash\n(#!/bin/bash\n.*?)```", (ROOT / "docs/slurm.md").read_text(), re.S)
WM = """#!/bin/bash
echo "wm $*" >> "$LOG"
trap 'kill $!; echo interrupted >> "$LOG"; exit 1' INT
sleep 60 &
echo ready > "$READY"
[ -n "$ENDS" ] && kill $! && exit "$ENDS"
wait
"""
OTHER = '#!/bin/bash\necho "${0##*/} $*" >> "$LOG"\n'


def job(folder, script, sent=None, ends=""):
    """Run a script, send it a signal once `wm` runs; its exit code and what was called."""
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / ".venv/bin/activate").touch()
    (folder / "bin").mkdir()
    (folder / "seed-3").mkdir()
    for name, text in {"wm": WM, "scontrol": OTHER, "git": OTHER, "dvc": OTHER}.items():
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)
    os.mkfifo(folder / "ready")
    environment = {
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        **{"LOG": str(folder / "log"), "READY": str(folder / "ready"), "ENDS": ends},
        **{
            "SLURM_JOB_ID": "42",
            "SLURM_ARRAY_TASK_ID": "3",
            "SLURM_SUBMIT_DIR": str(folder / "bin"),
        },
    }
    process = subprocess.Popen(
        # As SLURM starts it: whoever runs the tests in the background may have SIGINT ignored.
        ["env", "--default-signal=INT", "bash", "-c", script],
        cwd=folder,
        env=environment,
    )
    with (folder / "ready").open() as ready:
        ready.readline()
    if sent is not None:
        process.send_signal(sent)
    return process.wait(timeout=30), (folder / "log").read_text().splitlines()


@pytest.mark.parametrize("script", SCRIPTS, ids=["one", "array"])
@pytest.mark.parametrize(
    ("sent", "ends", "code", "called"),
    [
        (signal.SIGUSR1, "", 0, ["interrupted", "scontrol requeue 42"]),
        (signal.SIGTERM, "", 143, ["interrupted"]),
        (None, "0", 0, []),
        (None, "2", 2, []),
    ],
)
def test_a_job_is_queued_again_only_when_its_time_is_up(tmp_path, script, sent, ends, code, called):
    exit_code, log = job(tmp_path, script, sent, ends)
    assert exit_code == code
    assert log[1:] == called
    assert re.fullmatch(r"wm run (train|-S train.seed=3)", log[0])


def test_scripts_ask_for_the_signal_that_they_wait_for():
    assert len(SCRIPTS) == 2
    for script in SCRIPTS:
        assert "#SBATCH --signal=B:USR1@" in script
        assert re.search(r"^trap .* USR1$", script, re.M)
