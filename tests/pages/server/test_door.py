"""The door of a lab's server: what it lets in, what it never tells, and how long a cookie lasts."""

from __future__ import annotations

import http.client
import os
from collections.abc import Callable
from urllib.parse import urlencode

import pytest

from benchmarks.visitor import Visitor
from pages.server import door
from pages.server.door import DAYS, SHORTEST, Door, take_secret
from pages.shell.sharing import SECRET_VARIABLE, SHARED_VARIABLE
from tests.e2e.conftest import Server
from tests.pages.server.test_server import UPGRADE, ask

SECRET = "größere Wörter & four = random % words"


@pytest.fixture(scope="module")
def server(serve: Callable[..., Server]) -> Server:
    return serve({SECRET_VARIABLE: f" {SECRET}\n"})


def give(server: Server, secret: str, path: str = "/match?run=x") -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=30)
    form = urlencode({"secret": secret})
    connection.request("POST", path, form, {"Content-Type": "application/x-www-form-urlencoded", "Origin": server.url})
    return connection.getresponse()


def cookie_of(answer: http.client.HTTPResponse) -> str:
    return (answer.headers["Set-Cookie"] or "").partition(";")[0]


def test_without_the_secret_nothing_answers(server: Server) -> None:
    for path in (
        "/",
        "/match",
        "/static/js/index.js",
        "/media/x",
        "/_stcore/host-config",
        "/app/static/icon.png",
        "//x",
    ):
        answer = ask(server, path)
        assert answer.status in (400, 401), path
        assert b"Streamlit" not in answer.read()
    assert ask(server, "/_stcore/upload_file/a/b", "PUT").status == 401
    assert ask(server, "/_stcore/stream", Origin=server.url, **UPGRADE).status == 403
    assert ask(server, "/_stcore/health").status == 200  # for a proxy


def test_the_secret_opens_everything_and_leads_back(server: Server) -> None:
    answer = give(server, SECRET)
    assert answer.status == 303
    assert answer.headers["Location"] == "?run=x"
    assert "HttpOnly" in answer.headers["Set-Cookie"]
    assert "secure" not in answer.headers["Set-Cookie"].lower()  # over http the browser would drop it
    cookie = cookie_of(answer)
    assert SECRET not in cookie
    assert ask(server, "/", Cookie=f"other=1; {cookie}").status == 200
    visitor = Visitor(server.url, headers={"Cookie": cookie})
    visitor.open()
    assert visitor.problems == []
    assert "key=" in visitor.query  # a server with a secret has several users
    visitor.close()


@pytest.mark.parametrize("path", ["//evil.example/x", "/%0d%0aLocation:%20http://evil.example", "/\\evil.example?a=1"])
def test_the_way_back_stays_on_this_server(server: Server, path: str) -> None:
    answer = give(server, SECRET, path)
    assert answer.status == 400 or (answer.headers["Location"] or "").startswith("?")


def test_neither_log_nor_disk_holds_the_secret(server: Server) -> None:
    give(server, SECRET[:-1])
    held = [server.log, *(path for path in server.workspace.rglob("*") if path.is_file())]
    for part in (SECRET, SECRET[:-1], urlencode({"secret": SECRET})):
        assert not [path for path in held if part.encode() in path.read_bytes()]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Door:
    monkeypatch.setattr(door, "PAUSE", 0.0)

    async def inside(scope: object, receive: object, send: object) -> None:
        raise AssertionError("came in")

    return Door(inside, SECRET)


@pytest.mark.parametrize("wrong", ["", SECRET[:-1], "x" * 5000])
def test_only_the_whole_secret_is_the_secret(server: Server, wrong: str) -> None:
    answer = give(server, wrong)
    assert answer.status == 401
    assert answer.headers["Set-Cookie"] is None


@pytest.mark.parametrize(
    "value",
    ["", ".", "1.", ".x", "-1.x", "nan.x", "٣.x", "9" * 400, "1.é", "1.0.0", "'; DROP", "0", "1" * 13 + ".x"],
)
def test_a_cookie_of_another_make_opens_nothing(quick: Door, value: str) -> None:
    assert not quick._is_proof(value)


def test_a_cookie_ends_and_is_bound_to_its_secret_and_time(quick: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_800_000_000
    monkeypatch.setattr(door.time, "time", lambda: now)
    proof = quick._proof(now)
    assert quick._is_proof(proof)
    assert not Door(quick.app, SECRET + "2")._is_proof(proof)
    assert not quick._is_proof(f"{now + 1}{proof[len(str(now)) :]}")
    assert not quick._is_proof(quick._proof(now + 60))
    assert quick._is_proof(quick._proof(now - DAYS * 86_400 + 1))
    assert not quick._is_proof(quick._proof(now - DAYS * 86_400))


@pytest.mark.parametrize("secret", ["a" * (SHORTEST - 1), " " * 3 + "abc" + " " * 20])
def test_a_short_secret_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    monkeypatch.setenv(SHARED_VARIABLE, "0")
    monkeypatch.setenv(SECRET_VARIABLE, secret)
    with pytest.raises(SystemExit, match=f"at least {SHORTEST}") as caught:
        take_secret()
    assert secret.strip() not in str(caught.value)


def test_workers_do_not_inherit_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET_VARIABLE, SECRET)
    monkeypatch.setenv(SHARED_VARIABLE, "")
    monkeypatch.delenv(SHARED_VARIABLE)
    assert take_secret() == SECRET
    assert SECRET_VARIABLE not in os.environ
    assert os.environ[SHARED_VARIABLE] == "1"
    assert take_secret() == ""
