"""The connection to a page: bounded in size, rate and patience."""

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from pipeline.errors import UserError
from pipeline.tools.play import messages, replies

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

    from pipeline.tools.play.session import Session

LOG = logging.getLogger("wm.play")
MESSAGES_PER_SECOND = 240
"""Of a page: 60 frames a second, each with an action and an answer, and as many again."""
PATIENCE = 8.0
"""Seconds that a page may take to take a message."""
COMPLAINTS = 20
"""Faulty messages of a session that are logged."""
BUSY, FORBIDDEN, FAILED = 1013, 1008, 1011
"""Close codes of a WebSocket."""


class Gone(Exception):  # noqa: N818
    """The page is not there any more."""


class Connection:
    """A WebSocket that was accepted."""

    def __init__(self, socket: "WebSocket") -> None:
        """Nothing is sent yet."""
        self._socket = socket

    async def send(self, content: replies.Reply | bytes) -> None:
        """Send a text or a binary message.

        Raises:
            Gone: the page has gone, or takes nothing.
        """
        from starlette.websockets import WebSocketDisconnect, WebSocketState

        if self._socket.application_state is not WebSocketState.CONNECTED:
            raise Gone
        try:
            async with asyncio.timeout(PATIENCE):
                if isinstance(content, bytes):
                    await self._socket.send_bytes(content)
                else:
                    await self._socket.send_text(content.model_dump_json())
        except (WebSocketDisconnect, TimeoutError):
            raise Gone from None

    async def close(self, reason: str, code: int) -> None:
        """Say why, and close."""
        from starlette.websockets import WebSocketDisconnect

        try:
            await self.send(replies.Bye(reason=line(reason)))
            await self._socket.close(code)
        except (Gone, WebSocketDisconnect):
            LOG.info("a page had gone before it was told: %s", line(reason))

    async def listen(self, session: "Session") -> None:
        """Hand a page's messages to its session; faulty ones are answered.

        Raises:
            Gone: the page has gone.
        """
        complaints, allowed, latest = 0, float(MESSAGES_PER_SECOND), time.monotonic()
        while True:
            event = await self._socket.receive()
            if event["type"] == "websocket.disconnect":
                raise Gone
            now = time.monotonic()
            allowed = min(MESSAGES_PER_SECOND, allowed + (now - latest) * MESSAGES_PER_SECOND) - 1
            latest = now
            if allowed < 0:
                # Not to be read any faster: what waits fills the page's own buffer.
                await asyncio.sleep(1 / MESSAGES_PER_SECOND)
            text, content = event.get("text"), event.get("bytes")
            try:
                session.take(messages.read(text) if text is not None else content or b"")
            except (UserError, ValueError) as error:
                complaints += 1
                if complaints <= COMPLAINTS:
                    LOG.warning("session %d: %s", session.number, line(str(error)))
                await session.complain(line(str(error)))


def line(text: str) -> str:
    """One printable line of at most 300 characters, whatever a message has put into it."""
    return "".join(c if c.isprintable() else " " for c in text)[:300]
