"""`wm play` as a process: what hostile pages do to it, and how it ends."""

import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from pipeline_helpers import ENVIRONMENT
from play_helpers import HOSTILE, page

pytestmark = pytest.mark.slow
SESSIONS = 4
HANDSHAKE = (
    "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
RAW = (
    b"\x81\x82\x00\x00\x00\x00\xff\xfe",  # text that is no UTF-8
    b"\x81\x02{}",  # not masked
    b"\x83\x80\x00\x00\x00\x00",  # a reserved opcode
    b"\x82\xff\x00\x00\x00\x00\x7f\xff\xff\xff\x00\x00\x00\x00",  # 2 GB to come
    b"\x01\x81\x00\x00\x00\x00{" * 3,  # a message that begins within another
    b"\x88\x81\x00\x00\x00\x00\x00",  # half a close code
    b"\x89\xfe\x01\x00\x00\x00\x00\x00" + bytes(256),  # a ping that is too long
    b"\xff" * 64,
    b"",
)
"""What no browser sends, after a good handshake."""


class Process:
    """The process, and what it says."""

    def __init__(self, workspace: Path, out: Path) -> None:
        words = ["play", "models/wall/tiny_vae", "--port", "0", "--recordings", str(out)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pipeline", *words, "--sessions", str(SESSIONS)],
            cwd=workspace,
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        said = self.process.stdout.readline()
        self.port = int(re.search(r":(\d+)/", said)[1])
        self.log: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        self.log.extend(self.process.stderr)

    def open_sessions(self) -> int:
        text = "".join(self.log)
        return len(re.findall(r"session \d+ begins", text)) - len(
            re.findall(r"session \d+ ends", text)
        )

    def is_empty(self, seconds: float = 10) -> bool:
        until = time.monotonic() + seconds
        while self.open_sessions() and time.monotonic() < until:
            time.sleep(0.05)
        return not self.open_sessions()

    def resident(self) -> float:
        """10^6 bytes."""
        fields = Path(f"/proc/{self.process.pid}/statm").read_text().split()
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

    def interrupt(self) -> float:
        """Seconds from Ctrl-C to the end."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(10) == 0
        return time.monotonic() - began


@contextmanager
def playing(workspace, out):
    server = Process(workspace, out)
    try:
        yield server
    finally:
        server.process.kill()
        server.process.wait()
        server._reader.join()
        server.process.stdout.close()
        server.process.stderr.close()


def test_hostile_pages_leave_nothing_behind(smoke_run, tmp_path):
    """500 faulty messages, 200 abrupt ends, 20 pages at once."""
    rng = random.Random(0)
    with playing(smoke_run, tmp_path) as server:
        # All that it needs is loaded, and its threads' heaps have grown once.
        _write_a_recording(server)
        _plan_once(server)
        _leave_abruptly(server, rng, 20)
        _break_the_protocol(server, rng, 60)
        before = server.resident()
        _send_faulty_messages(server, rng, 440)
        _break_the_protocol(server, rng, 60)
        _leave_abruptly(server, rng, 200)
        _open_together(server, 20)
        after = server.resident()
        with page(server.port) as client:
            assert client.hear("frame")
        print(f"{before:.0f} MB before, {after:.0f} MB after")
        assert after < before + 25
        assert server.interrupt() < 2
    text = "".join(server.log)
    assert "Traceback" not in text
    assert len(text.splitlines()) < 3000


def test_a_page_that_vanishes_frees_its_session(smoke_run, tmp_path):
    with playing(smoke_run, tmp_path) as server:
        code = f"""
import sys, time
from play_helpers import page
with page({server.port}) as client:
    client.hear("frame")
    print("here", flush=True)
    time.sleep(60)
"""
        path = os.pathsep.join([str(Path(__file__).parents[2]), ENVIRONMENT.get("PYTHONPATH", "")])
        frozen = subprocess.Popen(
            [sys.executable, "-c", code],
            env={**ENVIRONMENT, "PYTHONPATH": path},
            stdout=subprocess.PIPE,
        )
        try:
            assert frozen.stdout.readline() == b"here\n"
            frozen.send_signal(signal.SIGSTOP)  # its connection stays, and says nothing
            began = time.monotonic()
            assert server.open_sessions() == 1
            assert server.is_empty(10)
            print(f"freed after {time.monotonic() - began:.1f} s")
        finally:
            frozen.kill()
            frozen.wait()
            frozen.stdout.close()


def test_ctrl_c_ends_it_while_pages_plan_and_record(smoke_run, tmp_path):
    with playing(smoke_run, tmp_path) as server, page(server.port) as client:
        client.say("goal", clip=0, start=10)
        client.say("record", on=True)
        client.say("plan", on=True)
        client.hear("plan")
        client.hear("plan")
        seconds = server.interrupt()
        print(f"ended after {seconds:.2f} s")
        assert seconds < 2
    assert len(list(tmp_path.glob("*/recording.json"))) == 1
    assert "Traceback" not in "".join(server.log)


def _write_a_recording(server: Process) -> None:
    with page(server.port) as client:
        client.say("record", on=True)
        while not client.hear("state")["recording"]:
            pass
        while client.hear("frame")["action"] is None:
            pass
        client.say("record", on=False)
        client.hear("recording")


def _plan_once(server: Process) -> None:
    """The first plan compiles and reads for seconds, after the page has left too."""
    with page(server.port) as client:
        client.say("goal", clip=0, start=10)
        client.say("plan", on=True)
        client.hear("plan")


def _send_faulty_messages(server: Process, rng: random.Random, count: int) -> None:
    with page(server.port) as client:
        client.hear("frame")
        for _ in range(count):
            client.socket.send(_mutated(rng))
        client.say("reset", clip=1)
        while client.hear("state")["clip"] != 1:
            pass


def _break_the_protocol(server: Process, rng: random.Random, count: int) -> None:
    for number in range(count):
        with socket.create_connection(("127.0.0.1", server.port)) as raw:
            raw.sendall(HANDSHAKE.encode() + RAW[number % len(RAW)] + rng.randbytes(number))
            raw.recv(100)
    assert server.is_empty()


def _leave_abruptly(server: Process, rng: random.Random, count: int) -> None:
    for _ in range(count):
        with page(server.port) as client:
            client.hear(rng.choice(["hello", "frame", "state"]))
            client.say("goal", clip=0, start=10)
            client.say(rng.choice(["record", "plan"]), on=True)
            client.hear(rng.choice(["state", "frame"]))
            # With a reset, as a browser that crashes, or without any answer any more.
            linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
            if rng.random() < 0.5:
                client.socket.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            client.socket.socket.close()
        assert server.is_empty()


def _open_together(server: Process, count: int) -> None:
    answers: list[str] = []

    def visit() -> None:
        with page(server.port) as client:
            answers.append(client.hear("hello", "bye")["type"])
            time.sleep(2)

    pages = [threading.Thread(target=visit) for _ in range(count)]
    for each in pages:
        each.start()
    for each in pages:
        each.join()
    assert answers.count("hello") == SESSIONS
    assert answers.count("bye") == count - SESSIONS
    assert server.is_empty()


def _mutated(rng: random.Random) -> str | bytes:
    """A faulty message, or part of one, or bytes."""
    text = rng.choice([message for message in HOSTILE if isinstance(message, str)])
    if rng.random() < 0.3:
        return rng.choice([b"", b"\x89PNG\r\n\x1a\n", b"RIFF\x10\0\0\0WEBPVP8L"]) + rng.randbytes(
            rng.randrange(200)
        )
    place = rng.randrange(len(text) + 1)
    return text[:place] + rng.choice(["", "}", "\x00", "é", '"', "9"]) + text[place + 1 :]
