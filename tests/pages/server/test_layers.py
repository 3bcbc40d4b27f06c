"""All layers together: whatever a request holds, it is answered, and the inside is reached only where it may be."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from pages.server import door
from pages.server.door import COOKIE, Door
from pages.server.guard import Guard
from pages.server.headers import SafeHeaders, safe_headers

SECRET = "four words of a lab"
HOSTS = ("localhost:8501", "127.0.0.1", "[::1]:8501")
PATHS = ("/", "/match", "/_stcore/stream", "/_stcore/health", "/_stcore/metrics", "/media/x", "//x", "/\udcff")
ODD = (
    "http://[",
    "http://a]:b",
    "null",
    "\x00",
    "é",
    "http://localhost:8501 ",
    "a(b=1; /=2; path=3",
    "=;=;",
    "a" * 3000,
)


def answered(layers: Any, scope: dict[str, Any], body: bytes = b"") -> tuple[list[dict[str, Any]], bool]:
    """What a request gets, and whether it came to the inside."""
    sent: list[dict[str, Any]] = []
    came = []

    async def inside(scope: Any, receive: Any, send: Any) -> None:
        came.append(scope)
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(layers(inside)(scope, receive, send))
    return sent, bool(came)


def layers(inside: Any, secret: str = SECRET) -> SafeHeaders:
    return SafeHeaders(Guard(Door(inside, secret)))


def request(kind: str = "http", path: str = "/", method: str = "GET", **headers: str) -> dict[str, Any]:
    scope = {"type": kind, "path": path, "query_string": b"run=\xff&key=x", "scheme": "http", "method": method}
    if kind == "websocket":
        del scope["method"]
    pairs = [(name.replace("_", "-").encode(), value.encode("utf-8", "replace")) for name, value in headers.items()]
    return {**scope, "headers": pairs}


TEXT = st.one_of(st.sampled_from([*ODD, *HOSTS, f"http://{HOSTS[0]}", f"{COOKIE}=1.x"]), st.text(max_size=40))


@settings(max_examples=300, deadline=None)
@given(
    kind=st.sampled_from(["http", "websocket"]),
    path=st.sampled_from(PATHS),
    method=st.sampled_from(["GET", "PUT", "POST", "DELETE", "OPTIONS"]),
    headers=st.fixed_dictionaries(
        {}, optional={"host": st.one_of(st.sampled_from(HOSTS), TEXT), "origin": TEXT, "cookie": TEXT, "accept": TEXT}
    ),
    body=st.binary(max_size=200),
)
def test_no_request_breaks_a_layer_or_slips_past_the_door(
    kind: str, path: str, method: str, headers: dict[str, str], body: bytes
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(door, "PAUSE", 0.0)
        sent, came = answered(layers, request(kind, path, method, **headers), body)
    assert sent or came
    assert not came or path.endswith("/_stcore/health")
    if kind == "http":
        found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        assert {name: found[name.lower()] for name in safe_headers()} == safe_headers()


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("cookie", ["", "a(b=1; /=2; ", "=; ;"])
def test_who_has_the_proof_comes_in_beside_any_other_cookie(host: str, cookie: str) -> None:
    proof = Door(None, SECRET)._proof(int(time.time()))  # type: ignore[arg-type]
    own = {"host": host, "origin": f"http://{host}", "cookie": f"{cookie}{COOKIE}={proof}"}
    assert answered(layers, request("websocket", "/_stcore/stream", **own))[1]
    assert answered(layers, request("http", "/_stcore/upload_file/a/b", "PUT", **own))[1]
    assert not answered(layers, request("websocket", **{**own, "origin": "http://evil.example"}))[1]


def test_the_way_back_keeps_the_address_as_it_came() -> None:
    sent, _ = answered(layers, request("http", "/match", "POST", host=HOSTS[0]), f"secret={SECRET}".encode())
    assert dict(sent[0]["headers"])[b"location"] == b"?run=\xff&key=x"
