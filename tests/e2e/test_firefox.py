"""The canvases in Firefox, driven over WebDriver BiDi: they draw on every page, and answer a hand."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pages.shell.navigation import PAGES
from pages.shell.shipped_demos import unpack_demo
from tests.e2e.conftest import Server
from tests.waiting import HANG, until

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(FIREFOX is None, reason="no Firefox on this machine (Debian: apt-get install firefox-esr)"),
]
AT_REST = """document.querySelector('[data-test-script-state=notRunning]') && document.querySelector('h1')
  && !document.querySelector('[data-testid=stSkeleton]')"""
MAPS = "[...document.querySelectorAll('.cell-map')].map((each) => each.map)"
DRAWN = f"{MAPS}.length === 2 && {MAPS}.every((map) => map?.drawn && map.drawn === map.data)"
CHIP = "[...document.querySelectorAll('.stMarkdownBadge')].map((each) => each.innerText).join()"


class Firefox:
    """One window without a screen.

    Source: https://w3c.github.io/webdriver-bidi (WebDriver BiDi).
    """

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
        """The value of an expression in the page."""
        found = self.ask(
            "script.evaluate",
            expression=f"JSON.stringify(({expression}) ?? null)",
            target={"context": self.window},
            awaitPromise=True,
        )
        assert found["type"] == "success", found
        return json.loads(found["result"]["value"])

    def visit(self, url: str) -> None:
        """Open a page and wait until it is at rest."""
        self.ask("browsingContext.navigate", context=self.window, url=url, wait="complete")
        until(lambda: self.see(f"Boolean({AT_REST})"), f"{url} does not come to rest")

    def hand(self, points: list[tuple[float, float]]) -> None:
        """Press at the first point, move over the others and release."""
        to = [{"type": "pointerMove", "x": round(x), "y": round(y), "duration": 20} for x, y in points]
        steps = [to[0], {"type": "pointerDown", "button": 0}, *to[1:], {"type": "pointerUp", "button": 0}]
        mouse = {"type": "pointer", "id": "hand", "parameters": {"pointerType": "mouse"}, "actions": steps}
        self.ask("input.performActions", context=self.window, actions=[mouse])

    def box(self, css: str) -> list[float]:
        """Left, top, width and height of the first of these elements, in sight [px]."""
        element = f"document.querySelector('{css}')"
        self.see(f"({element}.scrollIntoView({{block: 'center'}}), 0)")
        read = f"(({{left, top, width, height}}) => [left, top, width, height])({element}.getBoundingClientRect())"
        places: list[list[float]] = []

        def is_still() -> bool:
            places.append(self.see(read))
            return len(places) > 1 and places[-1] == places[-2]

        until(is_still, f"{css} does not come to rest")
        return places[-1]

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
    runs = server.workspace / "runs"
    assert unpack_demo("screen", runs, server.workspace / "demos")
    (run,) = [each.name for each in runs.iterdir() if each.is_dir()]
    for name, (title, _) in PAGES.items():
        firefox.visit(f"{server.url}/{name if name != 'data' else ''}?run={run}")
        until(lambda title=title: firefox.see("document.querySelector('h1')?.innerText") == title, title)
        assert firefox.see("document.querySelectorAll('[data-testid=stException]').length") == 0
        if name == "propensity":
            until(lambda: firefox.see(DRAWN), "the maps of Propensity are not drawn")
    firefox.visit(f"{server.url}/match?run={run}")
    until(lambda: firefox.see("Boolean(document.querySelector('.heat-map')?.heat?.drawn)"), "no heatmap is drawn")
    said = "document.querySelector('.heat-map').heat.about([0, 0])"
    until(lambda: len(firefox.see(said)) == 3, "the names of the cells did not arrive")
    assert firefox.see(said)[2].endswith("× the uniform weight")

    firefox.see("([...document.querySelectorAll('[role=tab]')].find((t) => t.innerText === 'Linked maps').click(), 0)")
    until(lambda: firefox.see(f"Boolean({AT_REST}) && {DRAWN}"), "the linked maps are not drawn")
    left, top, width, height = firefox.box(".cell-map canvas")
    corners = [(0.3, 0.3), (0.6, 0.3), (0.6, 0.65), (0.3, 0.65), (0.3, 0.35)]
    firefox.hand([(left + x * width, top + y * height) for x, y in corners])
    until(lambda: "RNA cells selected" in firefox.see(CHIP), "the lasso is not answered")
    until(lambda: firefox.see(f"Boolean({AT_REST}) && {DRAWN}"), "the selection is not drawn")
    counted = re.search(r"([\d,]+) RNA cells selected", firefox.see(CHIP))
    assert counted is not None
    assert firefox.see(f"{MAPS}[0].ready.marks.cells.length") == int(counted[1].replace(",", "")) > 10

    left, top, *_ = firefox.box(".cell-map canvas")
    x, y = firefox.see(f"[{MAPS}[0].ready.px[7], {MAPS}[0].ready.py[7]]")
    firefox.hand([(left + x, top + y)])
    until(lambda: "1 RNA cell selected" in firefox.see(CHIP), "the click is not answered")
    until(lambda: firefox.see("Boolean(document.querySelector('.bar-panel svg rect'))"), "no pair is drawn")
