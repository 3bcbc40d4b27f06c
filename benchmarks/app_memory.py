"""How much memory an hour of a visitor takes: pages, labels, sliders, lassos, colours and pairs in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import cycle, islice

import numpy as np
from playwright.sync_api import Page

from benchmarks.app_cases import DRAWN_ON, MATCHES, WAYS, draw_lasso, open_maps, open_tab
from benchmarks.app_maps import click_cell, pick
from benchmarks.app_registry import case
from benchmarks.app_server import Bench, go, settled
from benchmarks.app_watch import MAP_CHANGED
from psmatch_core.workspace import files

CLICKS = 210  # interactions of the hour's clicking, one each seventeen seconds, however many runs are asked for
FIRST = 21  # interactions of the first round, which loads the run's data: three of each kind
LABELS = 20  # of the run
FEATURES = 12  # of the source
RUN = "20k"


@case(f"memory of a session beyond its data after an hour's clicking ({CLICKS} times)", unit="MB", target="< 150")
def clicked_memory(bench: Bench) -> list[float]:
    """Growth of the server while a visitor opens pages of 20k cells per modality and explores them on Match.

    Pages, labels, sliders, lassos, features and pairs in turn; after a first round of 21, which loads the data.
    """
    scores = files.SCORE_MAP.read(bench.folder(RUN), which="pca")
    assert scores is not None
    with bench.visitor("match", RUN) as page:
        deeds = _deeds(bench, page, scores.source_xy)
        for deed in islice(deeds, FIRST):
            deed()
        before = bench.memory()
        for deed in islice(deeds, CLICKS):
            deed()
        return [bench.memory() - before]


def _deeds(bench: Bench, page: Page, xy: np.ndarray) -> Iterator[Callable[[], object]]:
    """What the visitor does, without end."""
    ways, number = cycle(WAYS), 0
    while True:
        number += 1
        way, label, feature = next(ways), f"label {number % LABELS:02d}", f"{1 + number % (FEATURES - 1)} (source)"
        yield lambda way=way: go(page, way)  # type: ignore[misc]
        yield lambda label=label: _open_label(page, label)  # type: ignore[misc]
        yield lambda: _move_slider(page)
        yield lambda number=number: _draw(bench, page, xy, number)  # type: ignore[misc]
        yield lambda feature=feature: _color(page, feature)  # type: ignore[misc]
        yield lambda number=number: click_cell(page, DRAWN_ON if number % 2 else MATCHES, 7 + 13 * number)  # type: ignore[misc]
        yield lambda number=number: _next_cell(page, number)  # type: ignore[misc]


def _open_label(page: Page, label: str) -> None:
    go(page, "match")
    open_tab(page, "One label", "heat-")
    page.get_by_role("combobox", name="Label").first.click()
    page.get_by_role("option", name=label, exact=True).first.click()
    settled(page)
    page.get_by_role("slider").first.wait_for(timeout=60_000)  # the first plans of the label are solved


def _move_slider(page: Page) -> None:
    page.get_by_role("slider").first.press("ArrowLeft")
    settled(page)


def _draw(bench: Bench, page: Page, xy: np.ndarray, number: int) -> None:
    open_maps(page)
    draw_lasso(bench, page, xy, number, "")


def _color(page: Page, feature: str) -> None:
    settled(page)
    box = page.get_by_role("combobox", name="Feature", exact=True)  # others choose features of the selected cells
    if not box.count():
        pick(page, "Colour by", "a feature …", MATCHES, MAP_CHANGED)
    box.click()
    box.fill(feature)  # the list shows only its beginning, those that mark the selected cells
    page.get_by_role("option", name=feature, exact=True).first.click()
    settled(page)


def _next_cell(page: Page, number: int) -> None:
    page.get_by_role("tab", name="One cell" if number % 2 else "Effective matches").click()
    settled(page)
