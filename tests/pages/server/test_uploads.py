"""Uploads where the server has a login: only the cookie that this server gave opens them."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from streamlit.auth_util import set_cookie_with_chunks
from streamlit.web.server.server_util import AUTH_COOKIE_NAME
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

from pages.server import uploads
from pages.server.layers import LAYERS
from pages.server.uploads import UploadsAfterLogin

SECRET = "a long random text of our own"
UPLOAD = "/psmatch/_stcore/upload_file/session/file"


@pytest.fixture(autouse=True)
def login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "has_login", lambda: True)
    monkeypatch.setattr(uploads, "get_cookie_secret", lambda: SECRET)


def ask(method: str, path: str, given: dict[str, str] | None = None) -> tuple[int, bool]:
    """The status of the answer, and whether any byte of the body was read."""
    line = "; ".join(f"{name}={value}" for name, value in (given or {}).items())
    scope = {"type": "http", "method": method, "path": path, "headers": [(b"cookie", line.encode("latin-1"))]}
    sent, was_read = [], []

    async def receive() -> dict[str, Any]:
        was_read.append(True)
        return {"type": "http.request", "body": b"a" * 1000}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(UploadsAfterLogin(PlainTextResponse("in"))(scope, receive, send))  # type: ignore[arg-type]
    return sent[0]["status"], bool(was_read)


def cookies(person: object, *, secret: str = SECRET, name: str = AUTH_COOKIE_NAME) -> dict[str, str]:
    """As Streamlit writes them: signed, and in several parts if they are long."""
    made: dict[str, str] = {}
    set_cookie_with_chunks(
        made.__setitem__, lambda key, value: create_signed_value(secret, key, value), name, person, cookie_attr_size=80
    )
    return {key: create_signed_value(secret, key, value).decode() for key, value in made.items()}


ADA = {"is_logged_in": True, "sub": "ada", "origin": "https://lab.example"}


@pytest.mark.parametrize("person", [ADA, {**ADA, "groups": [secrets.token_hex(4000)]}], ids=["short", "in parts"])
def test_who_has_logged_in_may_upload(person: dict[str, Any]) -> None:
    given = cookies(person)
    assert (len(given) > 1) == ("groups" in person)
    for method in ("PUT", "DELETE"):
        assert ask(method, UPLOAD, given)[0] == 200


@pytest.mark.parametrize(
    "given",
    [
        {},
        {AUTH_COOKIE_NAME: ""},
        {AUTH_COOKIE_NAME: json.dumps(ADA)},
        cookies(ADA, secret="another secret of another server"),
        {AUTH_COOKIE_NAME: cookies(ADA, name="another")["another"]},
        cookies({**ADA, "is_logged_in": False}),
        cookies({**ADA, "is_logged_in": "true"}),
        cookies(["ada"]),
    ],
)
def test_others_may_not(given: dict[str, str]) -> None:
    for method in ("PUT", "DELETE"):
        assert ask(method, UPLOAD, given) == (403, False)


def test_the_page_of_the_login_stays_open() -> None:
    for path in ("/", "/psmatch/", "/_stcore/host-config", "/oauth2callback"):
        assert ask("GET", path)[0] == 200


def test_a_server_without_login_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "has_login", lambda: False)
    assert ask("PUT", UPLOAD)[0] == 200


def test_the_server_has_this_layer() -> None:
    assert UploadsAfterLogin in [each.cls for each in LAYERS]
