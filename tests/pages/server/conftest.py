"""A real server whose processes write down every host that they ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Server

WATCH = """
import ipaddress, os, sys

def _is_here(host):
    try:
        return host in (None, "", "localhost") or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

def _watch(event, args):
    if event == "socket.getaddrinfo" or event == "socket.gethostbyname":
        host = args[0]
    elif event in ("socket.connect", "socket.sendto") and isinstance(args[1], tuple):
        host = args[1][0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    bound = event == "socket.getaddrinfo" and host in ("0.0.0.0", "::")
    if not bound and not _is_here(host):
        with open(os.environ["WATCHED_HOSTS"], "a") as log:
            log.write(f"{event} {host}\\n")

sys.addaudithook(_watch)
"""


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose ``sitecustomize`` writes each host that a Python process asks for into ``hosts.txt``."""
    place = tmp_path_factory.mktemp("watched")
    (place / "sitecustomize.py").write_text(WATCH)
    return place


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory, watched: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers that are watched, with more environment and options."""
    started: list[Server] = []

    def start(environment: dict[str, str] | None = None, **options: str) -> Server:
        place = tmp_path_factory.mktemp("app")
        hooks = {"PYTHONPATH": str(watched), "WATCHED_HOSTS": str(watched / "hosts.txt")}
        dotted = {f"server.{name}": value for name, value in options.items()}
        server = Server(place / "workspace", place, {**hooks, **(environment or {})}, dotted)
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.stop()
        assert "Traceback" not in server.log.read_text(), server.log.read_text()[-4000:]
