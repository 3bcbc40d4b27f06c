"""The real server: what it sends, whom it answers, and that it asks nobody outside this machine."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from benchmarks.visitor import Visitor
from pages.server.headers import safe_headers
from tests.e2e.conftest import Server

UPGRADE = {
    "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": "streamlit",
}  # fmt: skip


@pytest.fixture(scope="module")
def server(serve: Callable[..., Server]) -> Server:
    return serve()


def ask(server: Server, path: str, method: str = "GET", **headers: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=30)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    return connection.getresponse()


@pytest.mark.parametrize("path", ["/", "/match", "/_stcore/health", "/app/static/icon.png", "/nothing/here.js"])
def test_every_answer_has_the_safe_headers(server: Server, path: str) -> None:
    answer = ask(server, path)
    assert {name: answer.headers[name] for name in safe_headers()} == safe_headers()


@pytest.mark.parametrize(
    "path",
    ["/_stcore/metrics", "/_stcore/metrics?families=x", "/_stcore/agent/openapi.json", "/_stcore/agent/interact"],
)
def test_what_the_app_does_not_use_is_closed(server: Server, path: str) -> None:
    assert {ask(server, path, method).status for method in ("GET", "POST", "OPTIONS")} == {404}


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "10.0.0.4", ""])
def test_a_name_that_is_not_ours_gets_no_answer(server: Server, host: str) -> None:
    assert ask(server, "/", Host=host).status in (400, 403)
    assert ask(server, "/_stcore/stream", Host=host, Origin=f"http://{host}", **UPGRADE).status in (400, 403)


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "https://evil.example:443", "null", "file://", "http://localhost:1"]
)
def test_pages_of_other_sites_reach_nothing(server: Server, origin: str) -> None:
    assert ask(server, "/_stcore/stream", Origin=origin, **UPGRADE).status == 403
    assert ask(server, "/_stcore/upload_file/a/b", "PUT", Origin=origin).status == 403


def test_own_pages_reach_the_app(server: Server) -> None:
    assert ask(server, "/_stcore/stream", Origin=server.url, **UPGRADE).status == 101


def test_nobody_outside_is_asked(serve: Callable[..., Server], server: Server, watched: Path) -> None:
    """A headless start on either address, a visit, an upload, and a page of another site that knocks."""
    for each in (server, serve(address="0.0.0.0")):
        visitor = Visitor(each.url)
        visitor.open()
        visitor.upload("upload.source", "rna.csv", b"cell,label,g1\na,A,1\nb,B,2\n")
        assert visitor.problems == []
        assert any("rna.csv" in text.replace("\\", "") for text in visitor.texts)
        visitor.close()
        ask(each, "/_stcore/stream", Origin="http://evil.example", **UPGRADE)
    hosts = watched / "hosts.txt"
    assert not hosts.exists() or hosts.read_text() == ""


def test_the_watch_sees_who_is_asked(watched: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(watched), "WATCHED_HOSTS": str(tmp_path / "hosts.txt")}
    code = "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(('192.0.2.1', 9))"
    subprocess.run([sys.executable, "-c", code], env=environment, check=False)
    assert (tmp_path / "hosts.txt").read_text() == "socket.connect 192.0.2.1\n"
