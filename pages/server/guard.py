"""Who may ask: requests to a name of this server, from its own pages, for what the app needs.

Streamlit checks names and origins of web sockets only, and to judge a foreign origin it asks a host on the internet for
this machine's address. A foreign origin is refused here first.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

CLOSED = ("/_stcore/metrics", "/_stcore/agent")  # Streamlit serves both unasked, and the app uses neither
READING = ("GET", "HEAD", "OPTIONS")


def refusal(method: str, path: str, headers: Headers) -> tuple[int, str]:
    """The status and the message for a request that is refused; 0 and nothing if it may pass.

    Parameters
    ----------
    method
        Of HTTP; ``WEBSOCKET`` for a web socket.
    """
    if any(closed in path for closed in CLOSED):
        return 404, "Not found."
    host = headers.get("host") or ""
    if not is_host_allowed(host):
        return 403, "psmatch does not answer to this name. Its administrator can allow it: --server.allowedHosts NAME."
    origin = headers.get("origin")
    if origin is not None and method not in READING and _host_of(origin) != host.lower():
        return 403, "This request comes from another site. Behind a proxy, pass the header Host on unchanged."
    return 0, ""


def _host_of(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


class Guard:
    """Refuses what :func:`refusal` refuses, before Streamlit sees it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        status, message = refusal(scope.get("method", "WEBSOCKET"), scope["path"], Headers(scope=scope))
        if not status:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": message})
        else:
            await PlainTextResponse(message, status)(scope, receive, send)
