"""The server: one page, and a WebSocket for each session."""

import asyncio
import contextlib
import hmac
import io
import logging
import re
import socket
import time
import zipfile
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pipeline.errors import ParamsError, UserError
from pipeline.tools.play import messages
from pipeline.tools.play.hello import hello
from pipeline.tools.play.playable import Playable
from pipeline.tools.play.session import Session

if TYPE_CHECKING:
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.websockets import WebSocket

LOG = logging.getLogger("wm.play")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
PING = 4.0
"""Seconds from ping to ping of a connection, and to the answer: who vanishes is gone in 8."""
MESSAGES_PER_SECOND = 240
"""Of a page: 60 frames a second, each with an action and an answer, and as many again."""
COMPLAINTS = 20
"""Faulty messages of a session that are logged."""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src 'self' blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
RECORDING = re.compile(r"\d{8}-\d{6}-\d+-\d+")
BUSY, FORBIDDEN = 1013, 1008
"""Close codes of a WebSocket."""


@dataclass(frozen=True, slots=True)
class Access:
    """Who may connect.

    Attributes:
        host: that is listened on.
        token: that every page must show; None on loopback.
        sessions: at most at a time.
    """

    host: str
    token: str | None
    sessions: int

    def refusal(self, headers: Mapping[str, str], token: str | None) -> str | None:
        """Why a connection is refused; None if it is not.

        Other sites' pages may not connect: not from their own origin, nor by a name that they let
        point to this machine.
        """
        host, origin = headers.get("host", ""), headers.get("origin")
        if self.token is None and _name(host) not in LOOPBACK:
            return f"host {host!r} is not this machine"
        if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
            return f"origin {origin!r} is another site"
        if self.token is not None and not hmac.compare_digest(
            (token or "").encode(errors="replace"), self.token.encode()
        ):
            return "the token is missing or wrong; use the address that wm play has printed"
        return None


@dataclass
class Server:
    """Serves one model.

    Attributes:
        playable: the model.
        folder: for recordings.
        access: who may connect.
        fps: most frames a second of a session, unless its page asks for others.
        sessions: those that there are.
    """

    playable: Playable
    folder: Path
    access: Access
    fps: float
    sessions: dict[int, Session] = field(default_factory=dict)
    _count: int = 0

    def app(self, lifespan: Any = None) -> "Starlette":
        """The ASGI application."""
        from starlette.applications import Starlette
        from starlette.routing import Route, WebSocketRoute

        routes = [
            Route("/", self._page),
            Route("/{name}", self._page),
            Route("/recordings/{name}.zip", self._recording),
            WebSocketRoute("/ws", self._socket),
        ]
        return Starlette(routes=routes, lifespan=lifespan)

    async def _page(self, request: "Request") -> "Response":
        """A file of the page; nothing else is ever read."""
        from starlette.responses import PlainTextResponse, Response

        # The page holds no secret, and a browser asks for its files without the token.
        if (refusal := self.access.refusal(request.headers, self.access.token)) is not None:
            return PlainTextResponse(refusal, 403, HEADERS)
        name = request.path_params.get("name", "index.html")
        content = _page_files().get(name)
        if content is None:
            return PlainTextResponse("not found", 404, HEADERS)
        return Response(content, headers=HEADERS, media_type=TYPES[Path(name).suffix])

    async def _recording(self, request: "Request") -> "Response":
        """A recording that was written, as a zip."""
        from starlette.responses import PlainTextResponse, Response

        if (refusal := self._refusal(request)) is not None:
            return PlainTextResponse(refusal, 403, HEADERS)
        name = request.path_params["name"]
        folder = self.folder / name
        if RECORDING.fullmatch(name) is None or not folder.is_dir():
            return PlainTextResponse("not found", 404, HEADERS)
        content = await asyncio.to_thread(_zipped, folder)
        return Response(content, headers=HEADERS, media_type="application/zip")

    def _refusal(self, request: "Request | WebSocket") -> str | None:
        return self.access.refusal(request.headers, request.query_params.get("token"))

    async def _socket(self, page: "WebSocket") -> None:
        await page.accept()
        full = len(self.sessions) >= self.access.sessions
        refusal = self._refusal(page)
        if refusal is None and full:
            refusal = f"{self.access.sessions} sessions are open already; close one"
        if refusal is not None:
            LOG.info("refused: %s", refusal)
            await _close(page, refusal, BUSY if full else FORBIDDEN)
            return
        self._count += 1
        number = self._count
        session = Session(number, self.playable, self.folder, _sender(page), self.fps)
        self.sessions[number] = session
        LOG.info("session %d begins", number)
        try:
            await session.send(hello(self.playable, self.fps, self.access.sessions))
            await self._serve(session, page)
        finally:
            del self.sessions[number]
            LOG.info("session %d ends", number)

    async def _serve(self, session: Session, page: "WebSocket") -> None:
        """Let a session run as long as its page is there."""
        from starlette.websockets import WebSocketDisconnect

        tasks = [
            asyncio.ensure_future(session.run()),
            asyncio.ensure_future(_listen(session, page)),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            error = None if task.cancelled() else task.exception()
            if isinstance(error, UserError):
                LOG.warning("session %d: %s", session.number, error)
                await _close(page, str(error), FORBIDDEN)
            elif error is not None and not isinstance(error, WebSocketDisconnect | RuntimeError):
                raise error


async def _listen(session: Session, page: "WebSocket") -> None:
    """Hand a page's messages to its session, faulty and too many of them excepted."""
    complaints, allowed, latest = 0, float(MESSAGES_PER_SECOND), time.monotonic()
    while True:
        content = await page.receive()
        if content["type"] == "websocket.disconnect":
            return
        now = time.monotonic()
        allowed = min(MESSAGES_PER_SECOND, allowed + (now - latest) * MESSAGES_PER_SECOND) - 1
        latest = now
        if allowed < 0:
            # Not to be read any faster: what waits fills the page's own buffer.
            await asyncio.sleep(1 / MESSAGES_PER_SECOND)
        try:
            if (text := content.get("text")) is not None:
                session.take(messages.read(text))
            else:
                session.take_picture(content["bytes"])
        except (UserError, ValueError) as error:
            complaints += 1
            if complaints <= COMPLAINTS:
                LOG.warning("session %d: %s", session.number, _line(str(error)))
            await session.complain(_line(str(error)))


def _sender(page: "WebSocket") -> Any:
    async def send(content: dict[str, Any] | bytes) -> None:
        if isinstance(content, bytes):
            await page.send_bytes(content)
        else:
            await page.send_json(content)

    return send


async def _close(page: "WebSocket", reason: str, code: int) -> None:
    with contextlib.suppress(RuntimeError):  # it has gone
        await page.send_json({"type": "bye", "reason": reason})
        await page.close(code)


def _name(host: str) -> str:
    """The name in a Host header, without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _line(text: str) -> str:
    """One printable line of at most 300 characters, whatever a message has put into it."""
    return "".join(c if c.isprintable() else " " for c in text)[:300]


def _page_files() -> dict[str, bytes]:
    """The files of the page by name."""
    folder = files("pipeline.tools.play") / "page"
    return {
        each.name: each.read_bytes() for each in folder.iterdir() if Path(each.name).suffix in TYPES
    }


def _zipped(folder: Path) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, Path(folder.name) / path.relative_to(folder))
    return file.getvalue()


def asgi_server(server: Server, ready: Callable[[], None]) -> "uvicorn.Server":
    """What runs a server; `ready` is called as soon as pages can be opened."""
    import uvicorn

    @contextlib.asynccontextmanager
    async def lifespan(_: "Starlette") -> AsyncIterator[None]:
        ready()
        yield

    config = uvicorn.Config(
        server.app(lifespan),
        log_level="error",
        ws="websockets-sansio",
        ws_max_size=messages.LARGEST,
        ws_ping_interval=PING,
        ws_ping_timeout=PING,
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        ParamsError: the packages of the extra are not installed, or nobody can listen there.
    """
    if find_spec("uvicorn") is None or find_spec("starlette") is None:
        raise ParamsError("wm play: its server is not installed; `pip install -e '.[play]'`")
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise ParamsError(
            f"--host {host} --port {port}: {error.strerror or error}; choose another --port"
        ) from None
