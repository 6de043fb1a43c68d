"""One command in a forked child, under limits of time and memory."""

import faulthandler
import io
import os
import re
import resource
import select
import signal
import socket
import sys
import time
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from pipeline import stage
from pipeline.__main__ import app

SECONDS = 30
MEMORY = 2 * 2**30
"""Bytes that a command may take above what the warmed parent has."""
OWN = re.compile(r'File "[^"]*/(pipeline/[^"]+)", line (\d+)')
NO_MEMORY = re.compile(
    r"MemoryError|out of memory|memory does not suffice|[Cc]annot allocate memory"
)
DAMAGE = ("inspect", "parity")
"""Commands that end with 1 where they find damage."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended.

    Attributes:
        fault: None, or traceback, words, hang, memory or signal.
        code: exit status; negative for a signal.
        said: the last line of stderr.
        place: the innermost file and line of ours in a traceback.
        seconds: wall clock.
    """

    fault: str | None
    code: int
    said: str
    place: str
    seconds: float


def run(words: list[str], cwd: Path) -> Outcome:
    """Run `wm WORDS` in a forked child of this process, in the folder `cwd`."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start, log = time.monotonic(), cwd / ".stderr"
    pid = os.fork()
    if pid == 0:
        _child(words, cwd, log)
    ended = select.poll()
    ended.register(os.pidfd_open(pid), select.POLLIN)
    in_time = bool(ended.poll(1000 * SECONDS))
    if not in_time:
        os.kill(pid, signal.SIGKILL)
    _, status, usage = os.wait4(pid, 0)
    taken = 1024 * max(0, usage.ru_maxrss - before)
    code, text = os.waitstatus_to_exitcode(status), log.read_text(errors="replace")
    lines = [line for line in text.splitlines() if line.strip()]
    ours = [f"{match[1]}:{match[2]}" for match in OWN.finditer(text)]
    fault = _fault(words, code, lines, taken) if in_time else "hang"
    seconds = time.monotonic() - start
    return Outcome(fault, code, lines[-1] if lines else "", ours[-1] if ours else "", seconds)


def in_this_process(words: list[str], cwd: Path) -> tuple[int, str]:
    """Run `wm WORDS` here, which imports what it needs; its exit status and what it said."""
    out, code, before = io.StringIO(), 0, sys.argv
    with chdir(cwd), redirect_stdout(out), redirect_stderr(out):
        sys.argv = ["wm", *words]
        try:
            stage.run(app)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
        finally:
            sys.argv = before
    return code, out.getvalue()


def _child(words: list[str], cwd: Path, log: Path) -> None:
    code = 70
    try:
        faulthandler.disable()  # the parent reports how a child ends
        os.chdir(cwd)
        for number, path in ((0, os.devnull), (1, os.devnull), (2, str(log))):
            os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644), number)
        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
        size = 4096 * int(Path("/proc/self/statm").read_text().split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, size + MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        socket.getaddrinfo = _offline
        sys.argv = ["wm", *words]
        stage.run(app)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


def _offline(*arguments: object, **named: object) -> list[object]:
    raise socket.gaierror(socket.EAI_AGAIN, "no network while fuzzing")


def _fault(words: list[str], code: int, lines: list[str], taken: int) -> str | None:
    text = "\n".join(lines)
    if code < 0:
        return "signal"
    if taken > MEMORY or NO_MEMORY.search(text):
        return "memory"
    if "Traceback (most recent call last)" in text:
        return "traceback"
    if code == 0 or (code == 1 and words[0] in DAMAGE):
        return None
    errors = [line for line in lines if line.startswith("error: ")]
    return None if code == 2 and len(errors) == 1 and lines[-1] == errors[0] else "words"
