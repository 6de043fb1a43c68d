"""The server: one page, and a WebSocket for each session."""

import asyncio
import logging
import re
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import UserError
from pipeline.tools.play.access import HEADERS, Access
from pipeline.tools.play.connection import BUSY, FAILED, FORBIDDEN, Connection, Gone
from pipeline.tools.play.engine import Engine
from pipeline.tools.play.hello import hello
from pipeline.tools.play.planning import Planning
from pipeline.tools.play.playable import Playable
from pipeline.tools.play.recording import zipped
from pipeline.tools.play.session import Session

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.websockets import WebSocket

LOG = logging.getLogger("wm.play")
TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
"""Of the files of the page; no others are served."""
RECORDING = re.compile(r"\d{8}-\d{6}-\d+-\d+")


@dataclass
class Server:
    """Serves one model.

    Attributes:
        playable: the model.
        folder: for recordings.
        access: who may connect.
        fps: most frames a second of a session, unless its page asks for others.
        sessions: those that there are, by number.
    """

    playable: Playable
    folder: Path
    access: Access
    fps: float
    sessions: dict[int, Session] = field(default_factory=dict)
    _count: int = 0

    def __post_init__(self) -> None:
        """Make what sessions share, beside the model."""
        self._planning = Planning(self.playable)
        self._written = set[Future[None]]()

    def wait(self) -> None:
        """Wait for recordings whose pages have gone to be written."""
        if any(not future.done() for future in self._written):
            LOG.info("a recording is being written; Ctrl-C leaves without it")
        wait(self._written)

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

        token = request.query_params.get("token")
        if (refusal := self.access.refusal(request.headers, token)) is not None:
            return PlainTextResponse(refusal, 403, HEADERS)
        name = request.path_params["name"]
        if RECORDING.fullmatch(name) is None or not (self.folder / name).is_dir():
            return PlainTextResponse("not found", 404, HEADERS)
        content = await asyncio.to_thread(zipped, self.folder / name)
        return Response(content, headers=HEADERS, media_type="application/zip")

    async def _socket(self, socket: "WebSocket") -> None:
        await socket.accept()
        page, token = Connection(socket), socket.query_params.get("token")
        if (refusal := self.access.refusal(socket.headers, token)) is not None:
            await _turn_away(page, refusal, FORBIDDEN)
        elif len(self.sessions) >= self.access.sessions:
            said = f"{self.access.sessions} sessions are open already; close one"
            await _turn_away(page, said, BUSY)
        else:
            self._count += 1
            await self._serve(self._count, page)

    async def _serve(self, number: int, page: Connection) -> None:
        """Let a session run as long as its page is there."""
        engine = Engine(self.playable, self._planning)
        session = Session(number, engine, self.folder, page.send, self.fps)
        self.sessions[number] = session
        LOG.info("session %d begins", number)
        tasks = list[asyncio.Task[None]]()
        try:
            await page.send(hello(self.playable, self.fps, self.access.sessions))
            tasks += [asyncio.create_task(session.run()), asyncio.create_task(page.listen(session))]
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            await done.pop()
        except Gone:
            pass
        except UserError as error:
            LOG.warning("session %d: %s", number, error)
            await page.close(str(error), FAILED)
        except Exception:
            LOG.exception("session %d", number)
            await page.close("the server has failed; its log says why", FAILED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            closed, records = session.close(), session.records
            self._written = {future for future in self._written if not future.done()}
            self._written |= {closed} if records else set()
            del self.sessions[number]
            LOG.info("session %d ends", number)


async def _turn_away(page: Connection, reason: str, code: int) -> None:
    LOG.info("refused: %s", reason)
    await page.close(reason, code)


@cache
def _page_files() -> dict[str, bytes]:
    """The files of the page by name."""
    folder = files("pipeline.tools.play") / "page"
    return {
        each.name: each.read_bytes() for each in folder.iterdir() if Path(each.name).suffix in TYPES
    }
