"""Who may connect, and what every answer says to the browser."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

LOOPBACK = ("127.0.0.1", "localhost", "::1")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src 'self' blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
"""Of every answer; nothing is asked of another server, and no other page shows this one."""


@dataclass(frozen=True, slots=True)
class Access:
    """Who may connect.

    Attributes:
        token: that every page must show; None on loopback.
        sessions: at most at a time.
    """

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
        if self.token is not None and not _equal(token or "", self.token):
            return "the token is missing or wrong; use the address that wm play has printed"
        return None


def _name(host: str) -> str:
    """The name in a Host header, without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _equal(given: str, token: str) -> bool:
    """Compare in a time that says nothing of how much of it is right."""
    return hmac.compare_digest(given.encode(errors="replace"), token.encode())
