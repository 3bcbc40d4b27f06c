"""The canvases in Firefox, driven over WebDriver BiDi: they draw on every page, and answer a hand."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Server
from tests.e2e.engines import Window, walk
from tests.waiting import HANG, until

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(FIREFOX is None, reason="no Firefox on this machine (Debian: apt-get install firefox-esr)"),
]


class Firefox(Window):
    """One window without a screen.

    Source: https://w3c.github.io/webdriver-bidi (WebDriver BiDi).
    """

    name = "firefox"

    def __init__(self, profile: Path) -> None:
        from websockets.sync.client import ClientConnection, connect

        profile.mkdir()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [str(FIREFOX), "--headless", "--no-remote", "--profile", str(profile)]
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen([*command, "--remote-debugging-port", str(port)], stdout=quiet, stderr=quiet)
        self.number = 0

        found: list[ClientConnection] = []

        def is_connected() -> bool:
            try:
                found.append(connect(f"ws://127.0.0.1:{port}/session", max_size=None, ping_interval=None, legacy=True))
            except OSError:
                return False
            return True

        until(is_connected, "Firefox does not answer")
        (self.socket,) = found
        self.ask("session.new", capabilities={})
        self.window = self.ask("browsingContext.getTree")["contexts"][0]["context"]
        self.ask("browsingContext.setViewport", context=self.window, viewport={"width": 1280, "height": 1000})

    def ask(self, method: str, **given: Any) -> Any:
        """One command and its answer."""
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": given}))
        while True:
            answer = json.loads(self.socket.recv(HANG / 2))
            if answer.get("id") == self.number:
                assert answer["type"] == "success", answer
                return answer["result"]

    def see(self, expression: str) -> Any:
        found = self.ask(
            "script.evaluate",
            expression=f"JSON.stringify(({expression}) ?? null)",
            target={"context": self.window},
            awaitPromise=True,
        )
        assert found["type"] == "success", found
        return json.loads(found["result"]["value"])

    def open(self, url: str) -> None:
        self.ask("browsingContext.navigate", context=self.window, url=url, wait="complete")

    def act(self, pointer: str, steps: list[dict[str, Any]]) -> None:
        mouse = {"type": "pointer", "id": "hand", "parameters": {"pointerType": pointer}, "actions": steps}
        self.ask("input.performActions", context=self.window, actions=[mouse])

    def picture(self) -> bytes:
        return base64.b64decode(self.ask("browsingContext.captureScreenshot", context=self.window)["data"])

    def close(self) -> None:
        self.socket.close()
        self.process.terminate()
        self.process.wait(60)


@pytest.fixture
def firefox(tmp_path: Path) -> Iterator[Firefox]:
    window = Firefox(tmp_path / "profile")
    yield window
    window.close()


def test_every_canvas_draws_and_answers(server: Server, firefox: Firefox) -> None:
    walk(server, firefox)
