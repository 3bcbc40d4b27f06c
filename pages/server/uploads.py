"""Uploads of people who have not logged in, where the server has a login: refused before a byte of them is read.

Streamlit draws the page of the login over the same web socket as every other page, so anyone may open that, and it
takes uploads for any open web socket. The cookie of the login comes with each request, so it is checked here too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit.auth_util import get_cookie_with_chunks
from streamlit.web.server.server_util import AUTH_COOKIE_NAME, get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value

from pages.shell.login import has_login

UPLOADS = "/_stcore/upload_file/"


def has_logged_in(cookies: Mapping[str, str]) -> bool:
    """Whether the cookies of a request hold a login that this server has signed, and that is not too old."""
    secret = get_cookie_secret()

    def signed(name: str) -> bytes | None:
        return decode_signed_value(secret, name, cookies.get(name, "").encode("latin-1", errors="replace"))

    try:
        found = json.loads(get_cookie_with_chunks(signed, AUTH_COOKIE_NAME) or b"{}")
    except ValueError:
        return False
    return isinstance(found, dict) and found.get("is_logged_in") is True


class UploadsAfterLogin:
    """Refuses uploads of people who have not logged in, if the server has a login."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_upload = scope["type"] == "http" and UPLOADS in scope["path"]
        if is_upload and has_login() and not has_logged_in(HTTPConnection(scope).cookies):
            await PlainTextResponse("Log in to upload a file.", 403)(scope, receive, send)
            return
        await self.app(scope, receive, send)
