"""A minute of fuzzing, and that its harness tells each kind of fault."""

import os
import signal
import subprocess
import sys
import time

import pytest
from fuzz import forked
from helpers import ROOT

from pipeline.errors import DataError

pytestmark = pytest.mark.slow


def raises():
    raise KeyError("x")


def refuses():
    raise DataError("x.json: damaged; make it again")


def takes_memory():
    assert len(bytearray(3 * 2**30))


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
@pytest.mark.parametrize(
    ("does", "fault"),
    [
        (raises, "traceback"),
        (refuses, None),
        (takes_memory, "memory"),
        (lambda: time.sleep(60), "hang"),
        (lambda: os.kill(os.getpid(), signal.SIGSEGV), "signal"),
        (lambda: sys.exit(3), "words"),
        (lambda: print("done"), None),
    ],
    ids=["raises", "refuses", "takes memory", "hangs", "crashes", "says nothing", "ends well"],
)
def test_the_harness_tells_how_a_command_ends(does, fault, tmp_path, monkeypatch):
    monkeypatch.setattr(forked, "app", does)
    monkeypatch.setattr(forked, "SECONDS", 3 if fault == "hang" else 30)
    assert forked.run(["check"], tmp_path).fault == fault


def test_mutated_artefacts_are_read_or_refused_in_one_line():
    fuzz = [sys.executable, "tests/fuzz/run.py", "--seed", "0", "--count", "160"]
    done = subprocess.run(fuzz, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "160 cases, 0 faults" in done.stdout
