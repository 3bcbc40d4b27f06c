"""The cases that are measured: one function for each, which returns its measurements."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from playwright.sync_api import Page

from benchmarks.app_registry import case
from benchmarks.app_server import LARGE, TITLES, Bench, arrived, go
from benchmarks.app_watch import HEADING, HEAT_CHANGED, MAP_CHANGED, MAPS_DRAWN, timed
from psmatch_core.base.progress import silent
from psmatch_core.exploration.epsilon_grid import default_values
from psmatch_core.exploration.epsilon_path import label_problem
from psmatch_core.exploration.solve_path import BINS, TOP, solve_epsilon_path
from psmatch_core.matching.blocks.heatmap_bins import block_means
from psmatch_core.matching.blocks.overview import overview
from psmatch_core.matching.matchers import LabelMatcher
from psmatch_core.workspace import files
from psmatch_core.workspace.results import load_models

WAYS = ("propensity", "match", "evaluate", "export", "data")
LASSO = 1_000  # cells
HEAT, DRAWN_ON, MATCHES = "epsilon-heat", "linked-source", "linked-target"  # parts of the keys of figures


@case("first paint, cold", unit="s", target="< 5")
def cold_paint(bench: Bench) -> list[float]:
    """A new server without visitors: from the request until the button of the first demo is drawn."""
    bench.stop()
    found = []
    for _ in range(bench.runs):
        bench.start()
        found.append(_paint(bench))
        bench.stop()
    bench.start()
    return found


@case("first paint, warm", unit="s", target="< 2")
def warm_paint(bench: Bench) -> list[float]:
    """A new visitor with an empty browser cache, on a running server."""
    _paint(bench)
    return [_paint(bench) for _ in range(bench.runs)]


@case("page switch", unit="ms", target="< 500", sent="–")
def page_switch(bench: Bench) -> list[float]:
    """Visits Propensity, Match, Evaluate, Export and Data in turn, for a finished run of 800 cells per modality."""
    with bench.visitor("data", "small") as page:
        for way in WAYS:
            go(page, way)
        page.wait_for_timeout(3000)  # the first look at Match solves a label in the background
        go(page, "match")
        return [_switch(bench, page, WAYS[i % len(WAYS)], "page switch") for i in range(bench.runs)]


@case("slider step, 500 cells per label", unit="ms", target="< 1,000", sent="< 40")
def slider_500(bench: Bench) -> list[float]:
    """An arrow key moves epsilon: until heatmap, figures, curve and pairs of the new epsilon are drawn."""
    return _slider(bench, "500", "slider step, 500 cells per label")


@case("slider step, 2,000 cells per label", unit="ms", target="< 1,000", sent="< 40")
def slider_2000(bench: Bench) -> list[float]:
    """The same for a larger label."""
    return _slider(bench, "2000", "slider step, 2,000 cells per label")


@case("slider step, 5,000 cells per label", unit="ms", target="< 1,000", sent="< 40")
def slider_5000(bench: Bench) -> list[float]:
    """The same for a still larger label."""
    return _slider(bench, "5000", "slider step, 5,000 cells per label")


@case("one more epsilon solved and summarised, 2,000 cells per label (core)", unit="ms", target="< 100")
def core_2000(bench: Bench) -> list[float]:
    """From one plan of the path to the next sharper one, with everything that the page shows of it, without the app."""
    return _rungs(bench, "2000")


@case("one more epsilon solved and summarised, 5,000 cells per label (core)", unit="ms", target="< 1,000")
def core_5000(bench: Bench) -> list[float]:
    """The same for a larger label."""
    return _rungs(bench, "5000")


@case("path of 25 epsilons, 5,000 cells per label: first seven (core)", unit="s", target="–")
def ladder_first(bench: Bench) -> list[float]:
    """Until the slider can be dragged from end to end, over plans a factor of three apart in epsilon."""
    times: list[float] = []
    began = time.perf_counter()
    _climbed(bench, lambda part: times.append(time.perf_counter() - began) if part.solved.sum() == 7 else None)
    return times


@case("path of 25 epsilons, 5,000 cells per label: all (core)", unit="s", target="–")
def ladder_whole(bench: Bench) -> list[float]:
    """Until every position is solved."""
    began = time.perf_counter()
    _climbed(bench, lambda part: None)
    return [time.perf_counter() - began]


@case("lasso of 1,000 cells, 20k cells per modality on screen", unit="ms", target="–", sent="–")
def lasso(bench: Bench) -> list[float]:
    """From the release of the lasso until the matches are drawn on the other map and the panel is filled."""
    scores = files.SCORE_MAP.read(bench.folder("20k"), which="pca")
    assert scores is not None
    name = "lasso of 1,000 cells, 20k cells per modality on screen"
    with bench.visitor("match", "20k") as page:
        open_maps(page)
        return [draw_lasso(bench, page, scores.source_xy, i, name) for i in range(bench.runs)]


@case("heatmap of 5,000 × 5,000 cells", unit="ms", target="< 1,000", sent="–")
def heatmap(bench: Bench) -> list[float]:
    """Another label of 5,000 cells per modality is chosen, without a computed path: until the run's plan is drawn."""
    bench.without_ladders("5000")
    name, found = "heatmap of 5,000 × 5,000 cells", []
    with bench.visitor("match", "5000") as page:
        for i in range(bench.runs + 1):
            before = bench.traffic.bytes if bench.traffic else 0
            found.append(_choose(page, LARGE[(i + 1) % 2], "heat-"))
            bench.sent(page, name, before)
    bench.kilobytes[name] = bench.kilobytes[name][1:]
    return found[1:]


@case("map of scores, 20k cells per modality", unit="ms", target="< 1,500", sent="–")
def map_20k(bench: Bench) -> list[float]:
    """The Propensity page is opened in a session that has loaded the run: until all 40,000 points are drawn."""
    return _maps(bench, "20k", "map of scores, 20k cells per modality")


@case("map of scores, 50k cells per modality (20k drawn)", unit="ms", target="< 1,500", sent="–")
def map_50k(bench: Bench) -> list[float]:
    """The same for a run whose cells are sampled for the map."""
    return _maps(bench, "50k", "map of scores, 50k cells per modality (20k drawn)")


@case("memory of an idle session", unit="MB", target="< 150")
def idle_memory(bench: Bench) -> list[float]:
    """Memory of the server for one more visitor on the first page."""
    with bench.visitor():
        found, before, contexts = [], bench.memory(), []
        for _ in range(bench.runs):
            context = bench.browser.new_context()
            contexts.append(context)
            page = context.new_page()
            page.goto(bench.url)
            arrived(page, "data")
            after = bench.memory()
            found.append(after - before)
            before = after
        for context in contexts:
            context.close()
    return found


def _paint(bench: Bench) -> float:
    context = bench.browser.new_context()
    page = context.new_page()
    began = time.perf_counter()
    page.goto(bench.url)
    page.get_by_role("button", name="Demo").first.wait_for(timeout=60_000)
    seconds = time.perf_counter() - began
    context.close()
    return seconds


def _switch(bench: Bench, page: Page, way: str, name: str, ready: str = HEADING) -> float:
    link = page.get_by_test_id("stSidebarNav").get_by_role("link", name=TITLES[way])
    before = bench.traffic.bytes if bench.traffic else 0
    found = timed(page, link.click, ready, TITLES[way])
    bench.sent(page, name, before)
    return found


def _maps(bench: Bench, run: str, name: str) -> list[float]:
    with bench.visitor("propensity", run) as page:
        found = []
        for _ in range(bench.runs):
            go(page, "export")
            found.append(_switch(bench, page, "propensity", name, MAPS_DRAWN))
        return found


def _slider(bench: Bench, run: str, name: str) -> list[float]:
    bench.with_ladder(run)
    with bench.visitor("match", run) as page:
        _choose(page, LARGE[1], "heat-")  # the first is shown already, and the watch waits for a change
        _choose(page, LARGE[0], HEAT)
        page.wait_for_timeout(1000)
        found = []
        for i in range(bench.runs):
            key = "ArrowLeft" if i // 8 % 2 else "ArrowRight"
            page.get_by_role("slider").first.focus()
            before = bench.traffic.bytes if bench.traffic else 0
            found.append(timed(page, lambda key=key: page.keyboard.press(key), HEAT_CHANGED, HEAT))  # type: ignore[misc]
            bench.sent(page, name, before)
        return found


def _choose(page: Page, label: str, figure: str) -> float:
    """Milliseconds from choosing a label until its heatmap is drawn."""
    page.get_by_role("combobox", name="Label").first.click()
    wanted = page.get_by_role("option", name=label, exact=True).first
    wanted.wait_for()
    return timed(page, wanted.click, HEAT_CHANGED, figure)


def open_tab(page: Page, name: str, figure: str) -> None:
    """Open a tab of Match, and wait until its figure is drawn."""
    tab = page.get_by_role("tab", name=name)
    if tab.get_attribute("aria-selected") != "true":
        tab.click()
    page.wait_for_function("key => window.atRest() && window.isDrawn(key)", arg=figure, timeout=60_000)


def open_maps(page: Page) -> None:
    """Open the linked maps of Match, and wait until both are drawn."""
    tab = page.get_by_role("tab", name="Linked maps")
    if tab.get_attribute("aria-selected") != "true":
        tab.click()
    drawn = "key => window.atRest() && window.mapOf(key)?.drawn"
    page.wait_for_function(drawn, arg=MATCHES, timeout=60_000)


def draw_lasso(bench: Bench, page: Page, xy: np.ndarray, number: int, name: str) -> float:
    """Draw around the thousand cells nearest to a cell, and wait until their matches are drawn."""
    middle = xy[(number * 7919) % len(xy)]
    reach = float(np.sort(((xy - middle) ** 2).sum(axis=1))[LASSO]) ** 0.5
    turns = np.linspace(0, 2 * np.pi, 13)
    corners = middle + reach * np.c_[np.cos(turns), np.sin(turns)]
    page.locator(f"[class*='{DRAWN_ON}'] .cell-map canvas").first.scroll_into_view_if_needed()
    places: Any = page.evaluate(
        """([key, corners]) => {
          const map = window.mapOf(key), box = map.canvas.getBoundingClientRect();
          const within = (at, size) => Math.min(size - 2, Math.max(2, at));  // a hand begins on the map
          return corners.map((corner) => map.pixels(corner)).map(([x, y]) =>
            [box.left + within(x, box.width), box.top + within(y, box.height)]); }""",
        [DRAWN_ON, corners.tolist()],
    )
    before = bench.traffic.bytes if bench.traffic else 0
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=2)
    found = timed(page, page.mouse.up, MAP_CHANGED, MATCHES)
    bench.sent(page, name, before)
    return found


def _rungs(bench: Bench, run: str) -> list[float]:
    """Milliseconds of each plan but the first, from the smoothest to the sharpest."""
    folder = bench.folder(run)
    matcher = folder.recipe.matcher
    assert isinstance(matcher, LabelMatcher)
    problem = label_problem(*load_models(folder), LARGE[0], matcher, seed=0)
    block = matcher.couple(problem, progress=silent)[0]
    assert block is not None
    like = block_means(block, max_bins=BINS)
    overview(block, like, TOP)  # compiled before it is timed
    found, began = [], time.perf_counter()
    for _, (solved, _) in matcher.couple_along(problem, default_values(matcher, *block.shape).tolist()):
        assert solved is not None
        overview(solved, like, TOP)
        found.append(1000 * (time.perf_counter() - began))
        began = time.perf_counter()
    return found[1:]


def _climbed(bench: Bench, seen: Callable[[Any], None]) -> None:
    folder = bench.folder("5000")
    models = load_models(folder)
    solve_epsilon_path(*models, folder.recipe.matcher, label=LARGE[0], on_step=seen)
