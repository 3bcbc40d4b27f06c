"""A window of another browser than Chromium, and the walk through the app that each of them takes."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from typing import Any

from pages.shell.navigation import PAGES
from pages.shell.shipped_demos import unpack_demo
from tests.e2e.conftest import SCREENSHOTS, Server
from tests.e2e.steps import PICTURES
from tests.waiting import until

AT_REST = """document.querySelector('[data-test-script-state=notRunning]') && document.querySelector('h1')
  && !document.querySelector('[data-testid=stSkeleton]')"""
MAPS = "[...document.querySelectorAll('.cell-map')].map((each) => each.map)"
DRAWN = f"{MAPS}.length === 2 && {MAPS}.every((map) => map?.drawn && map.drawn === map.data)"
CHIP = "[...document.querySelectorAll('.stMarkdownBadge')].map((each) => each.innerText).join()"
TABS = "[...document.querySelectorAll('[role=tab]')]"
WIDE = "document.documentElement.scrollWidth - window.innerWidth"
Point = tuple[float, float]


class Window(ABC):
    """A browser's window that a test looks at by JavaScript and acts on by mouse."""

    name = ""

    @abstractmethod
    def see(self, expression: str) -> Any:
        """The value of an expression in the page, as plain data."""

    @abstractmethod
    def open(self, url: str) -> None:
        """Load a page."""

    @abstractmethod
    def act(self, pointer: str, steps: list[dict[str, Any]]) -> None:
        """Steps of the mouse, as WebDriver has them."""

    @abstractmethod
    def picture(self) -> bytes:
        """What the window shows, as PNG."""

    def visit(self, url: str) -> None:
        """Open a page and wait until it is at rest."""
        self.open(url)
        until(lambda: self.see(f"Boolean({AT_REST})"), f"{url} does not come to rest")

    def hand(self, points: list[Point]) -> None:
        """Press at the first point, move over the others and release."""
        to = [{"type": "pointerMove", "x": round(x), "y": round(y), "duration": 20} for x, y in points]
        press, release = ({"type": f"pointer{what}", "button": 0} for what in ("Down", "Up"))
        self.act("mouse", [to[0], press, *to[1:], release])

    def box(self, css: str) -> list[float]:
        """Left, top, width and height of the first of these elements, in sight [px]."""
        element = f"document.querySelector({json.dumps(css)})"
        self.see(f"({element}.scrollIntoView({{block: 'center'}}), 0)")
        read = f"(({{left, top, width, height}}) => [left, top, width, height])({element}.getBoundingClientRect())"
        places: list[list[float]] = []

        def is_still() -> bool:
            places.append(self.see(read))
            return len(places) > 1 and places[-1] == places[-2]

        until(is_still, f"{css} does not come to rest")
        return places[-1]

    def keep_picture(self, name: str) -> None:
        """A picture for people to look at, where PSMATCH_PICTURES asks for them."""
        if PICTURES:
            SCREENSHOTS.mkdir(parents=True, exist_ok=True)
            (SCREENSHOTS / f"{self.name}-{name}.png").write_bytes(self.picture())


def walk(server: Server, window: Window) -> None:
    """See all pages of the finished demo, draw around cells, and click one."""
    runs = server.workspace / "runs"
    assert unpack_demo("screen", runs, server.workspace / "demos")
    (run,) = [each.name for each in runs.iterdir() if each.is_dir()]
    for name, (title, _) in PAGES.items():
        window.visit(f"{server.url}/{name if name != 'data' else ''}?run={run}")
        until(lambda title=title: window.see("document.querySelector('h1')?.textContent.trim()") == title, title)
        assert window.see("document.querySelectorAll('[data-testid=stException]').length") == 0
        if name == "propensity":
            until(lambda: window.see(DRAWN), "the maps of Propensity are not drawn")
        until(lambda: window.see(WIDE) <= 0, f"{title} scrolls sideways")
        window.keep_picture(name)
    window.visit(f"{server.url}/match?run={run}")
    until(lambda: window.see("Boolean(document.querySelector('.heat-map')?.heat?.drawn)"), "no heatmap is drawn")
    said = "document.querySelector('.heat-map').heat.about([0, 0])"
    until(lambda: len(window.see(said)) == 3, "the names of the cells did not arrive")
    assert window.see(said)[2].endswith("× the uniform weight")

    window.see(f"({TABS}.find((each) => each.textContent.trim() === 'Linked maps').click(), 0)")
    until(lambda: window.see(f"Boolean({AT_REST}) && {DRAWN}"), "the linked maps are not drawn")
    left, top, width, height = window.box(".cell-map canvas")
    corners = [(0.3, 0.3), (0.6, 0.3), (0.6, 0.65), (0.3, 0.65), (0.3, 0.35)]
    window.hand([(left + x * width, top + y * height) for x, y in corners])
    until(lambda: "RNA cells selected" in window.see(CHIP), "the lasso is not answered")
    until(lambda: window.see(f"Boolean({AT_REST}) && {DRAWN}"), "the selection is not drawn")
    counted = re.search(r"([\d,]+) RNA cells selected", window.see(CHIP))
    assert counted is not None
    assert window.see(f"{MAPS}[0].ready.sides[0].marks.cells.length") == int(counted[1].replace(",", "")) > 10
    window.keep_picture("lasso")

    left, top, *_ = window.box(".cell-map canvas")
    x, y = window.see(f"[{MAPS}[0].ready.px[7], {MAPS}[0].ready.py[7]]")
    window.hand([(left + x, top + y)])
    until(lambda: "1 RNA cell selected" in window.see(CHIP), "the click is not answered")
    until(lambda: window.see("Boolean(document.querySelector('.bar-panel svg rect'))"), "no pair is drawn")
    window.box(".bar-panel")
    window.keep_picture("pair")
