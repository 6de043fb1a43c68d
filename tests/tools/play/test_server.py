"""A real server over a real WebSocket: what a page gets, and that nothing a page does harms it."""

import json
import socket
import time
import urllib.error
import urllib.request
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from play_helpers import HOSTILE, page, serving
from websockets.exceptions import ConnectionClosed

from pipeline.episodes.controls import Controls, Push
from pipeline.errors import ParamsError
from pipeline.tools.play.access import HEADERS, Access
from pipeline.tools.play.connection import MESSAGES_PER_SECOND
from pipeline.tools.play.playable import Playable
from pipeline.tools.play.serving import address, bound
from pipeline.tools.play.sources import paths_of


@pytest.fixture(scope="module")
def playable(smoke_run):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(smoke_run)
        model = Path("models/wall/tiny_vae")
        yield Playable(paths_of(model, None, None, Path("params.yaml")), 1, 1)


@pytest.fixture
def server(playable, tmp_path):
    with serving(playable, tmp_path / "recordings") as (server, port):
        yield server, port


def empty(server, seconds=10):
    until = time.monotonic() + seconds
    while server.sessions and time.monotonic() < until:
        time.sleep(0.02)
    return not server.sessions


def test_a_page_drives_both_and_sees_where_they_part(server):
    with page(server[1]) as client:
        hello = client.hear("hello")
        assert (hello["model"]["dataset"], hello["simulator"]) == ("wall", True)
        assert client.hear("state")["clip"] == 0
        first = client.hear("frame")
        assert set(first["images"]) == {"imagined", "real"}
        client.say("action", time=12.5, action=[0.5, 0.0])
        answer = client.hear("frame")
        while answer["time"] is None:
            answer = client.hear("frame")
        assert answer["time"] == 12.5
        assert answer["action"] == [0.5, 0.0]
        assert answer["latent_error"] > 0
        assert client.hear("frame")["time"] is None  # told once
        assert answer["images"]["real"] != first["images"]["real"]


def test_an_impulse_is_done_once(server):
    with page(server[1]) as client:
        client.say("pause", paused=True)
        client.say("reset", clip=1)
        while client.hear("state")["clip"] != 1:
            pass
        client.hear("frame")
        done = []
        for number in (1, 1, 2):  # said again, as by a page that has not seen its frame
            once = {"number": number, "action": [0.5, 0.0]}
            client.say("action", time=number, action=[0.0, 0.25], impulse=once)
            client.say("single_step")
            done.append(client.hear("frame")["action"])
        assert done == [[0.5, 0.0], [0.0, 0.25], [0.5, 0.0]]


def test_where_actions_are_pushes_nothing_happens_without_one(server, playable, monkeypatch):
    monkeypatch.setattr(playable, "controls", Controls(push=Push((0, 1, 0, 1), (1.0,) * 9)))
    with page(server[1]) as client:
        client.hear("frame")
        client.say("action", time=1, action=[0.0, 0.0])
        with pytest.raises(TimeoutError):
            client.socket.recv(0.3)
        once = {"number": 1, "action": [0.5, 0.0]}
        client.say("action", time=2, action=[0.0, 0.0], impulse=once)
        assert client.hear("frame")["time"] == 2


def test_a_session_stands_still_steps_records_and_plans(server):
    with page(server[1]) as client:
        client.hear("frame")
        client.say("pause", paused=True)
        client.say("reset", clip=1, start=2, seed=5)
        state = client.hear("state")
        while state["clip"] != 1:
            state = client.hear("state")
        assert (state["clip"], state["start"], state["seed"], state["paused"]) == (1, 2, 5, True)
        number = client.hear("frame")["number"]
        client.say("single_step")
        assert client.hear("frame")["number"] == number + 1
        with pytest.raises(TimeoutError):
            client.socket.recv(0.3)
        client.say("record", on=True)
        while not client.hear("state")["recording"]:
            pass
        client.say("goal", clip=1, start=20)
        assert client.hear("goal")["images"]["goal"]
        client.say("plan", on=True)
        client.say("pause", paused=False)
        plan = client.hear("plan")
        assert "plan 0" in plan["images"]
        planned = client.hear("frame")
        assert planned["planned"]
        assert planned["action"] == plan["action"]
        client.say("record", on=False)
        recording = client.hear("recording")
        address = f"http://127.0.0.1:{server[1]}/{recording['url']}"
        with urllib.request.urlopen(address) as response:
            names = zipfile.ZipFile(BytesIO(response.read())).namelist()
        assert any(name.endswith("imagined.mp4") for name in names)


def test_a_recording_outlives_its_page(server, tmp_path):
    with page(server[1]) as client:
        client.say("record", on=True)
        while not client.hear("state")["recording"]:
            pass
        while client.hear("frame")["action"] is None:
            pass
    assert empty(server[0])
    server[0].wait()
    (card,) = (tmp_path / "recordings").glob("*/recording.json")
    assert len(json.loads(card.read_text())["steps"]) >= 1


def test_frames_wait_for_the_page_that_shows_them(server):
    with page(server[1]) as client:
        while isinstance(client.socket.recv(10), str):
            pass
        assert isinstance(client.socket.recv(10), bytes)
        with pytest.raises(TimeoutError):  # two are under way
            client.socket.recv(0.5)


def test_faulty_messages_are_answered_and_the_session_goes_on(server, caplog):
    with page(server[1]) as client:
        client.hear("frame")
        for content in HOSTILE:
            client.socket.send(content)
            assert client.hear("error")["message"].isprintable()
        client.say("action", time=1, action=[0.1, 0.1])
        assert client.hear("frame")
    assert empty(server[0])
    assert all(record.exc_info is None for record in caplog.records)


def test_sessions_are_few_and_end_with_their_pages(playable, tmp_path):
    with serving(playable, tmp_path, sessions=1) as (server, port):
        for _ in range(10):
            with page(port) as client:
                client.hear("hello")
                with page(port) as second:
                    assert "sessions are open" in second.hear("bye")["reason"]
                client.socket.socket.close()  # without a word
            assert empty(server)


def refused(headers, access, token=None):
    return access.refusal(headers, token)


def test_only_this_machine_s_own_page_may_connect():
    access = Access(None, 4)
    for host in ("127.0.0.1:8000", "localhost:8000", "[::1]:8000"):
        assert refused({"host": host}, access) is None
        assert refused({"host": host, "origin": f"http://{host}"}, access) is None
        assert "another site" in refused({"host": host, "origin": "http://example.org"}, access)
        assert "another site" in refused({"host": host, "origin": "null"}, access)
        for origin in ("http://[", "http://\udcff", ""):
            assert "another site" in refused({"host": host, "origin": origin}, access)
    for host in ("example.org:8000", "", "127.0.0.1.example.org", "["):
        assert "not this machine" in refused({"host": host}, access)


def test_elsewhere_a_token_is_asked_for():
    access = Access("secret", 4)
    assert refused({"host": "box:8000"}, access, "secret") is None
    for token in (None, "", "secre", "Secret", "sécret"):
        assert "token" in refused({"host": "box:8000"}, access, token)


def test_a_wrong_token_is_told_and_closed(playable, tmp_path):
    with serving(playable, tmp_path, token="secret") as (_, port):
        with page(port) as client:
            assert "token" in client.hear("bye")["reason"]
            with pytest.raises(ConnectionClosed):
                client.hear("hello")
        with page(port, "?token=secret") as client:
            assert client.hear("hello")
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/recordings/a.zip")


def test_the_page_is_served_with_nothing_else(server):
    address = f"http://127.0.0.1:{server[1]}/"
    with urllib.request.urlopen(address) as response:
        assert b"<!doctype html>" in response.read().lower()
        policy = response.headers["Content-Security-Policy"]
        assert policy == HEADERS["Content-Security-Policy"]
    for path in ("nothing.js", "..%2fserver.py", "server.py", "recordings/..%2f..%2fa.zip"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(address + path)


def test_a_host_that_is_not_this_machine_is_one_line():
    with pytest.raises(ParamsError, match="choose another --host"):
        bound("192.0.2.1", 0)


def test_the_address_is_one_that_a_browser_can_open():
    assert address("127.0.0.1", 8000, None) == "http://127.0.0.1:8000/"
    assert address("::1", 8000, "secret") == "http://[::1]:8000/?token=secret"
    assert address("0.0.0.0", 8000, None) == f"http://{socket.gethostname()}:8000/"


def test_a_port_that_is_taken_is_one_line():
    with (
        bound("127.0.0.1", 0) as listening,
        pytest.raises(ParamsError, match="choose another --port"),
    ):
        bound("127.0.0.1", listening.getsockname()[1])


def test_messages_that_come_too_fast_are_read_no_faster(server):
    with page(server[1]) as client:
        client.hear("frame")
        began, count = time.monotonic(), 2 * MESSAGES_PER_SECOND
        for _ in range(count):
            client.say("single_step")
        client.socket.send(json.dumps({"type": "nothing"}))
        client.hear("error")
        assert time.monotonic() - began > 0.5
