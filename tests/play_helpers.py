"""A real server of a small model, and a page that talks to it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from websockets.sync.client import ClientConnection, connect

from pipeline.tools.play import replies
from pipeline.tools.play.access import Access
from pipeline.tools.play.playable import Playable
from pipeline.tools.play.server import Server
from pipeline.tools.play.serving import asgi_server, bound

HOSTILE = (
    *("", "{", "null", "[]", '{"type": "action"}', '{"type": "nothing"}', '"' + 70_000 * "a" + '"'),
    '{"type": "action", "time": 0, "action": [NaN, 0]}',
    '{"type": "action", "time": 0, "action": [1e999, 0]}',
    '{"type": "action", "time": 0, "action": [0]}',
    '{"type": "action", "time": 0, "action": ["0", 0]}',
    '{"type": "action", "time": 0, "action": [0, 0], "more": 1}',
    '{"type": "settings", "steps": 51}',
    '{"type": "settings", "fps": 0}',
    '{"type": "settings", "format": "bmp"}',
    '{"type": "reset", "clip": -1}',
    '{"type": "reset", "clip": 1000000}',
    '{"type": "reset", "seed": 99999999999999999999}',
    '{"type": "goal", "clip": 0, "start": 100000}',
    b"",
    b"no picture",
    b"\x89PNG\r\n\x1a\n" + bytes(100),
)
"""Messages that are answered by an error."""


@contextmanager
def serving(
    playable: Playable, folder: Path, *, token: str | None = None, sessions: int = 4, port: int = 0
) -> Iterator[tuple[Server, int]]:
    """The server and its port."""
    server = Server(playable, folder, Access(token, sessions), 60.0)
    ready = threading.Event()
    with bound("127.0.0.1", port) as listening:
        running = asgi_server(server, ready.set)
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            assert ready.wait(10)
            yield server, listening.getsockname()[1]
        finally:
            running.should_exit = True
            thread.join(10)
            assert not thread.is_alive()


class Page:
    """What a page does, without a browser."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    def say(self, type: str, **values: object) -> None:
        self.socket.send(json.dumps({"type": type, **values}))

    def hear(self, *types: str) -> dict:
        """The next message of one of some types; every frame is said to be shown."""
        while True:
            content = self.socket.recv(20)
            if isinstance(content, str):
                message = json.loads(content)
            else:
                message, images = replies.unpack(content)
                message["images"] = images
            if message["type"] == "frame":
                self.say("shown", number=message["number"])
            if message["type"] in types:
                return message


@contextmanager
def page(port: int, query: str = "", **options: object) -> Iterator[Page]:
    with connect(f"ws://127.0.0.1:{port}/ws{query}", max_size=None, **options) as socket:
        yield Page(socket)
