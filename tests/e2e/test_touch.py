"""A hand on a phone: tap a cell, draw around cells and rows, zoom with two fingers, and the page still scrolls."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (pip install playwright)")

from playwright.sync_api import Locator, Page, expect

from pages.shell.shipped_demos import unpack_demo
from tests.e2e.conftest import Server
from tests.e2e.exploring import cell_map, chip, clear, heat_map
from tests.e2e.steps import fits, settle, visit
from tests.waiting import until

pytestmark = pytest.mark.browser
Point = tuple[float, float]


class Hand:
    """Fingers on the screen of a page.

    Source: Chrome DevTools Protocol, Input.dispatchTouchEvent.
    """

    def __init__(self, page: Page) -> None:
        self.browser = page.context.new_cdp_session(page)

    def move(self, *fingers: list[Point]) -> None:
        """Put fingers down at the first points, move them over the others in step, and lift them."""
        for at in range(max(len(each) for each in fingers)):
            self._send("touchMove" if at else "touchStart", [each[min(at, len(each) - 1)] for each in fingers])
        self._send("touchEnd", [])

    def _send(self, what: str, points: list[Point]) -> None:
        touched = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(points)]
        self.browser.send("Input.dispatchTouchEvent", {"type": what, "touchPoints": touched})


def line(begin: Point, end: Point, steps: int = 8) -> list[Point]:
    """Points from one to the other."""
    return [tuple(a + (b - a) * at / steps for a, b in zip(begin, end, strict=True)) for at in range(steps + 1)]  # type: ignore[misc]


def path(*corners: Point) -> list[Point]:
    return [point for begin, end in pairwise(corners) for point in line(begin, end)]


def place(shown: Locator) -> tuple[Point, float, float]:
    """The left upper corner, width and height of a canvas that stays where it is [px]."""
    canvas, boxes = shown.locator("canvas"), []
    canvas.scroll_into_view_if_needed()

    def is_still() -> bool:
        boxes.append(canvas.bounding_box())
        return len(boxes) > 1 and boxes[-1] == boxes[-2]

    until(is_still, "the canvas moves on")
    box = boxes[-1]
    return (box["x"], box["y"]), box["width"], box["height"]


def scrolled(page: Page) -> float:
    return float(page.evaluate("() => document.querySelector('[data-testid=stMain]').scrollTop"))


@pytest.fixture
def phone(server: Server, new_page: Callable[..., Any]) -> Page:
    """The page Match of the finished demo on a phone."""
    runs = server.workspace / "runs"
    if not runs.exists():
        assert unpack_demo("screen", runs, server.workspace / "demos")
    (run,) = [each.name for each in runs.iterdir() if each.is_dir()]
    page: Page = new_page(width=390, height=844, is_phone=True)
    visit(page, f"{server.url}/match?run={run}", "Match")
    return page


def opened_maps(page: Page) -> Locator:
    page.get_by_role("tab", name="Linked maps").click()
    settle(page)
    return cell_map(page, "source")


def test_a_cell_is_tapped_and_cells_are_drawn_around_by_finger(phone: Page) -> None:
    hand, shown = Hand(phone), opened_maps(phone)
    (left, top), *_ = place(shown)
    x, y = shown.evaluate("m => [m.map.ready.px[7], m.map.ready.py[7]]")
    hand.move([(left + x + 1, top + y + 1)])
    expect(chip(phone, "1 RNA cell selected")).to_be_visible()
    bars = phone.locator(".bar-panel").first
    expect(bars.locator("svg rect").first).to_be_visible()
    settle(phone)
    bars.scroll_into_view_if_needed()
    bars.locator("svg rect[fill]").last.tap()
    expect(bars.locator(".says")).to_contain_text(": ")
    assert bars.evaluate("b => b.panel.names.includes(b.querySelector('.says').textContent.split(': ')[0])")
    for tool in ("Draw a lasso", "Draw a rectangle"):
        clear(phone)
        shown = cell_map(phone, "source")
        shown.get_by_role("button", name=tool).tap()
        (left, top), width, height = place(shown)
        corners = [(left + a * width, top + b * height) for a, b in ((0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7))]
        hand.move(path(*corners) if tool == "Draw a lasso" else line(corners[0], corners[2]))
        said = chip(phone, "RNA cells selected")
        expect(said).to_be_visible()
        settle(phone)
        counted = re.search(r"([\d,]+) RNA cells", said.inner_text())
        assert counted is not None
        n = int(counted[1].replace(",", ""))
        assert n > 10
        assert cell_map(phone, "source").evaluate("m => m.map.ready.sides[0].marks.cells.length") == n
    fits(phone, "the maps on a phone")


def test_two_fingers_zoom_the_map_and_one_moves_the_page(phone: Page) -> None:
    hand, shown = Hand(phone), opened_maps(phone)
    (left, top), width, height = place(shown)
    middle = (left + 0.4 * width, top + 0.6 * height)
    read = "(m, at) => m.map.units(at)"
    before = shown.evaluate(read, [middle[0] - left, middle[1] - top])
    apart = [line((middle[0] + side * 30, middle[1]), (middle[0] + side * 90, middle[1])) for side in (-1, 1)]
    hand.move(*apart)
    until(lambda: shown.evaluate("m => m.map.view.zoom") > 2, "two fingers do not zoom")
    after = shown.evaluate(read, [middle[0] - left, middle[1] - top])
    span = shown.evaluate("m => m.map.ready.range")
    assert abs(after[0] - before[0]) < 0.02 * (span[1] - span[0])
    assert abs(after[1] - before[1]) < 0.02 * (span[3] - span[2])
    assert shown.evaluate("m => m.map.shape.length") == 0
    expect(chip(phone, "selected")).to_have_count(0)
    shown.get_by_role("button", name="Show everything").tap()
    assert shown.evaluate("m => m.map.view.zoom") == 1
    shown.get_by_role("button", name="Zoom in").tap()
    assert shown.evaluate("m => m.map.view.zoom") > 1
    (left, top), width, height = place(shown)
    here = scrolled(phone)
    upwards = top + 0.8 * height if here < 50 else top + 0.3 * height
    hand.move(line((left + 0.5 * width, upwards), (left + 0.5 * width, upwards - 200 if here < 50 else upwards + 200)))
    until(lambda: abs(scrolled(phone) - here) > 50, "a finger on the map does not move the page")


def test_rows_of_the_plan_are_drawn_by_finger_and_a_tap_says_a_block(phone: Page) -> None:
    hand, shown = Hand(phone), heat_map(phone)
    until(lambda: shown.evaluate("m => m.heat.about([0, 0]).length") == 3, "the names of the cells did not arrive")
    (left, top), width, height = place(shown)
    hand.move([(left + 0.5 * width, top + 0.5 * height)])
    expect(shown.locator(".says")).to_contain_text("× the uniform weight")
    here = scrolled(phone)
    hand.move(line((left + 0.5 * width, top + 0.8 * height), (left + 0.5 * width, top + 0.8 * height - 200)))
    until(lambda: scrolled(phone) > here + 50, "a finger on the plan does not move the page")
    assert shown.evaluate("m => m.heat.from") is None
    shown.get_by_role("button", name="Draw rows by finger").tap()
    (left, top), width, height = place(shown)
    hand.move(line((left + 0.4 * width, top + 0.3 * height), (left + 0.5 * width, top + 0.6 * height)))
    expect(chip(phone, "RNA cells selected")).to_be_visible()
    settle(phone)
    expect(heat_map(phone).get_by_role("button", name="Draw rows by finger")).to_have_attribute("aria-pressed", "false")
    fits(phone, "the plan on a phone")
