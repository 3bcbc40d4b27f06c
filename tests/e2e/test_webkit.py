"""The canvases in WebKit, Safari's engine, driven over WebDriver: they draw on every page, and answer a hand."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Server
from tests.e2e.engines import Window, walk
from tests.waiting import HANG, until

DRIVER, SCREEN = shutil.which("WebKitWebDriver"), shutil.which("Xvfb")
BROWSERS = sorted(str(each) for each in Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser"))
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not (DRIVER and BROWSERS and SCREEN),
        reason="no WebKit on this machine (Debian: apt-get install webkit2gtk-driver xvfb)",
    ),
]
SIZE = (1280, 1040)  # px of the window; the page has less


@contextmanager
def _screen() -> Iterator[str]:
    """A screen that nobody sees; its name."""
    read, write = os.pipe()
    command = [str(SCREEN), "-displayfd", str(write), "-screen", "0", f"{SIZE[0]}x{SIZE[1]}x24", "-nolisten", "tcp"]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, pass_fds=[write], stdout=quiet, stderr=quiet)
    os.close(write)
    try:
        with os.fdopen(read) as told:
            yield f":{told.readline().strip()}"
    finally:
        process.terminate()
        process.wait(HANG / 2)


class WebKit(Window):
    """One window of WebKit's own small browser.

    Source: https://www.w3.org/TR/webdriver2 (WebDriver).
    """

    name = "webkit"

    def __init__(self, display: str, home: Path) -> None:
        home.mkdir()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        environment = {**os.environ, "DISPLAY": display, "HOME": str(home), "GDK_BACKEND": "x11"}
        quiet = subprocess.DEVNULL
        command = [str(DRIVER), f"--port={port}"]
        self.process = subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet)
        self.url, self.session = f"http://127.0.0.1:{port}", ""

        def is_ready() -> bool:
            try:
                return bool(self.ask("GET", "/status")["ready"])
            except OSError:
                return False

        until(is_ready, "WebKit's driver does not answer")
        browser = {"binary": BROWSERS[-1], "args": ["--automation"]}
        waits = {"script": 500 * HANG, "pageLoad": 500 * HANG}  # ms
        asked = {"capabilities": {"alwaysMatch": {"webkitgtk:browserOptions": browser, "timeouts": waits}}}
        self.session = f"/session/{self.ask('POST', '/session', asked)['sessionId']}"
        self.ask("POST", "/window/rect", {"x": 0, "y": 0, "width": SIZE[0], "height": SIZE[1]})

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """One command and its answer."""
        data = None if body is None else json.dumps(body).encode()
        head = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url + self.session + path, method=method, data=data, headers=head)
        try:
            with urllib.request.urlopen(request, timeout=HANG / 2) as answer:
                return json.loads(answer.read())["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.read().decode()}") from error

    def see(self, expression: str) -> Any:
        return self.ask("POST", "/execute/sync", {"script": f"return ({expression}) ?? null", "args": []})

    def open(self, url: str) -> None:
        self.ask("POST", "/url", {"url": url})

    def act(self, pointer: str, steps: list[dict[str, Any]]) -> None:
        mouse = {"type": "pointer", "id": "hand", "parameters": {"pointerType": pointer}, "actions": steps}
        self.ask("POST", "/actions", {"actions": [mouse]})

    def picture(self) -> bytes:
        return base64.b64decode(self.ask("GET", "/screenshot"))

    def close(self) -> None:
        try:
            if self.session:
                self.ask("DELETE", "")
        finally:
            self.process.terminate()
            self.process.wait(HANG / 2)


@pytest.fixture
def webkit(tmp_path: Path) -> Iterator[WebKit]:
    with _screen() as display:
        window = WebKit(display, tmp_path / "home")
        yield window
        window.close()


def test_every_canvas_draws_and_answers(server: Server, webkit: WebKit) -> None:
    walk(server, webkit)
