"""The door of a lab's server: whoever knows the lab's secret comes in, and nobody else gets any answer.

A browser that gave the secret keeps a cookie that proves it; the secret itself is neither in the cookie nor in a log.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import time
from urllib.parse import parse_qs

from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from pages.shell.sharing import SECRET_VARIABLE, SHARED_VARIABLE

COOKIE = "psmatch_door"
DAYS = 30  # after which a browser asks for the secret again
SHORTEST = 12  # characters of a secret
PAUSE = 1.0  # seconds before the answer to a wrong secret
_LARGEST = 4096  # bytes of a form
_OPEN = "/_stcore/health"  # whether the server lives: for a proxy
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>psmatch</title>
<style>body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 26rem; margin: 18vh auto; padding: 0 1rem;
color: #1b2630; background: #fff; }} input, button {{ font: inherit; padding: .5rem .7rem; }}
input {{ width: 100%; box-sizing: border-box; margin: .3rem 0 .8rem; }}
@media (prefers-color-scheme: dark) {{ body {{ color: #e4ebef; background: #10171c; }} }}</style></head>
<body><main><h1>psmatch</h1><p role="alert">{message}</p><form method="post">
<label for="secret">Secret of your lab</label>
<input id="secret" name="secret" type="password" autocomplete="current-password" required autofocus>
<button>Open</button></form></main></body></html>"""


def take_secret() -> str:
    """The secret in ``PSMATCH_SECRET``; it is removed from the environment, so that no worker inherits it.

    Raises
    ------
    SystemExit
        If it is too short to be a secret.
    """
    secret = os.environ.pop(SECRET_VARIABLE, "").strip()
    if secret:
        os.environ.setdefault(SHARED_VARIABLE, "1")
    if secret and len(secret) < SHORTEST:
        raise SystemExit(
            f"{SECRET_VARIABLE} has {len(secret)} characters; a secret needs at least {SHORTEST}. Choose a longer one, "
            "such as four random words."
        )
    return secret


class Door:
    """Lets in who gave the secret; open to all if there is none."""

    def __init__(self, app: ASGIApp, secret: str) -> None:
        self.app = app
        self.secret = secret.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self.secret or scope["type"] not in ("http", "websocket") or self._may_pass(scope):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "The secret of the lab is missing."})
        else:
            answer = await self._answer(Request(scope, receive))
            await answer(scope, receive, send)

    def _may_pass(self, scope: Scope) -> bool:
        if scope["path"].endswith(_OPEN):
            return True
        return self._is_proof(HTTPConnection(scope).cookies.get(COOKIE, ""))

    async def _answer(self, request: Request) -> Response:
        """The page that asks for the secret, or the way back to the page that was asked for."""
        message = "This server belongs to a lab."
        if request.method == "POST":
            given = await _form_value(request)
            if hmac.compare_digest(_digest(given), _digest(self.secret)):
                query = request.scope["query_string"].decode("latin-1")
                back = Response(status_code=303, headers={"Location": f"?{query}"})
                is_safe = "https" in (request.scope["scheme"], request.headers.get("x-forwarded-proto", ""))
                back.set_cookie(
                    COOKIE, self._proof(int(time.time())), DAYS * 86_400, httponly=True, secure=is_safe, samesite="lax"
                )
                return back
            await asyncio.sleep(PAUSE)
            message = "That is not the secret of this lab."
        return HTMLResponse(_PAGE.format(message=message), 401, {"Cache-Control": "no-store"})

    def _proof(self, issued: int) -> str:
        """What a cookie holds: when it was given [s since the epoch], and a signature by the secret."""
        return f"{issued}.{hmac.new(self.secret, f'{COOKIE} {issued}'.encode(), hashlib.sha256).hexdigest()}"

    def _is_proof(self, value: str) -> bool:
        issued = value.partition(".")[0]
        if not issued.isdecimal() or not issued.isascii() or len(issued) > 12:
            return False
        is_signed = hmac.compare_digest(value.encode(), self._proof(int(issued)).encode())
        return is_signed and 0 <= time.time() - int(issued) < DAYS * 86_400


def _digest(text: bytes) -> bytes:
    """Of one length for every text, so that comparing takes the same time."""
    return hashlib.sha256(text).digest()


async def _form_value(request: Request) -> bytes:
    """The field ``secret`` of a form; nothing if the form is too large."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST:
            return b""
    found = parse_qs(body.decode("utf-8", errors="replace")).get("secret", [""])
    return found[0].strip().encode()
