"""Listen, serve until somebody ends it, and end at once."""

import contextlib
import errno
import logging
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING

from pipeline.errors import ParamsError
from pipeline.tools.play import messages
from pipeline.tools.play.server import Server

if TYPE_CHECKING:
    import uvicorn
    from starlette.applications import Starlette

PING = 4.0
"""Seconds from ping to ping of a connection, and to the answer: who vanishes is gone in 8."""
CONNECTIONS = 32
"""At most, beside those of the sessions."""
EVERYWHERE = ("0.0.0.0", "::", "")
PACKAGES = ("starlette", "uvicorn", "websockets")


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        ParamsError: the packages of the extra are not installed, or nobody can listen there.
    """
    if lacking := [name for name in PACKAGES if find_spec(name) is None]:
        raise ParamsError(
            f"wm play: {', '.join(lacking)} not installed; `pip install 'nano-world-models[play]'`"
        )
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except OSError as error:
        other = "--port" if error.errno in (errno.EADDRINUSE, errno.EACCES) else "--host"
        raise ParamsError(
            f"--host {host} --port {port}: {error.strerror or error}; choose another {other}"
        ) from None


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
        ws_per_message_deflate=False,  # images are compressed already
        limit_concurrency=4 * server.access.sessions + CONNECTIONS,
        timeout_graceful_shutdown=1,
    )
    logging.getLogger("uvicorn.error").addFilter(_in_one_line)
    return uvicorn.Server(config)


def address(host: str, port: int, token: str | None) -> str:
    """Where a page finds the server; one that listens everywhere, by the machine's name."""
    name = socket.gethostname() if host in EVERYWHERE else host
    named = f"[{name}]" if ":" in name else name
    return f"http://{named}:{port}/" + ("" if token is None else f"?token={token}")


def end() -> None:
    """End the program, now: a thread that still computes, and torch's own end, take seconds."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _in_one_line(record: logging.LogRecord) -> bool:
    """A page's broken text is no bug of ours, and no reason for a traceback."""
    if record.exc_info and isinstance(record.exc_info[1], UnicodeDecodeError):
        record.exc_info = None
    return True
