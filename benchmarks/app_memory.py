"""How much memory an hour of a visitor takes: pages, labels, sliders, lassos, colours and pairs in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
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
FIRST = 35  # interactions of the first round, five of each kind: every page is opened once and loads its data
OTHERS = 4  # visitors who open the run while the first has it open
LABELS = 20  # of the run
FEATURES = 12  # of the source
RUN = "20k"
WHOLE = "memory of the server"


@case(f"memory of a session beyond its data after an hour's clicking ({CLICKS} times)", unit="MB", target="< 150")
def clicked_memory(bench: Bench) -> list[float]:
    """Growth of the server while a visitor opens pages of 20k cells per modality and explores them on Match.

    Pages, labels, sliders, lassos, features and pairs in turn; after a first round of 35, which opens every page once
    and so loads the data. The next cases say the whole.
    """
    _, first, last = _hour(bench)
    return [last - first]


@case(f"{WHOLE}, nobody has come", unit="MB", target="–")
def memory_before(bench: Bench) -> list[float]:
    """The same server, started anew, before its first visitor."""
    return [_hour(bench)[0]]


@case(f"{WHOLE}, every page of 20k cells opened once ({FIRST} clicks)", unit="MB", target="–")
def memory_of_data(bench: Bench) -> list[float]:
    """After the first round: the libraries, and the data of the run."""
    return [_hour(bench)[1]]


@case(f"{WHOLE}, after an hour's clicking ({FIRST + CLICKS} clicks)", unit="MB", target="–")
def memory_of_all(bench: Bench) -> list[float]:
    """After all of it."""
    return [_hour(bench)[2]]


@case("memory of one more session on a run that is open", unit="MB", target="< 150")
def shared_memory(bench: Bench) -> list[float]:
    """Growth of the server with each of four more visitors, who stay, by a first round of 35 clicks on the same run."""
    found = []
    with ExitStack() as stay:
        for _ in range(1 + OTHERS):
            before = bench.memory()
            _click(bench, stay.enter_context(bench.visitor("match", RUN)), FIRST)
            found.append(bench.memory() - before)
    return found[1:]


def _hour(bench: Bench) -> tuple[float, ...]:
    """Memory of a new server [MB] before, after the first round and at the end; measured once for all cases."""
    if not bench.hour:
        bench.run(RUN)
        bench.stop()
        bench.start()
        before = bench.memory()
        with bench.visitor("match", RUN) as page:
            deeds = _deeds(bench, page)
            found = [before]
            for clicks in (FIRST, CLICKS):
                for deed in islice(deeds, clicks):
                    deed()
                found.append(bench.memory())
        bench.hour = tuple(found)
    return bench.hour


def _click(bench: Bench, page: Page, clicks: int) -> None:
    for deed in islice(_deeds(bench, page), clicks):
        deed()


def _deeds(bench: Bench, page: Page) -> Iterator[Callable[[], object]]:
    """What the visitor does, without end."""
    scores = files.SCORE_MAP.read(bench.folder(RUN), which="pca")
    assert scores is not None
    xy = scores.source_xy
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
