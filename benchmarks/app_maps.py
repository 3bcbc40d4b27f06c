"""The cases of maps and pairs, each at 2,000, 20,000 and 50,000 cells per modality."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from playwright.sync_api import Page, TimeoutError as NotSeen

from benchmarks.app_cases import MATCHES, draw_lasso, open_maps, open_tab
from benchmarks.app_registry import case
from benchmarks.app_server import Bench, settled
from benchmarks.app_watch import BARS_CHANGED, CHANGED, MAP_CHANGED, timed
from psmatch_core.workspace import files

SIZES = {"2k": "2,000", "20k": "20,000", "50k": "50,000"}
COLOURS = ("label", "verdict on the label")
FEATURES = 12  # of the source in the runs of the benchmark
EPSILONS = (0.02, 0.1, 0.2)  # of the runs with which the first is compared
MARKERS = "markers-"
OPENINGS, OPENED_MS = 5, 5000  # tries to open a list of options, and how long each waits
SHOWN = """(() => {
  const plot = window.plotOf(argument);
  return before.seen && plot?._fullData?.length > 0;
})()"""
SizedMeasure = Callable[[Bench, str], list[float]]


def sized(name: str, *, target: str) -> Callable[[SizedMeasure], SizedMeasure]:
    """Add a case for every size; the target is that of 20,000 cells."""

    def added(measure: SizedMeasure) -> SizedMeasure:
        for run, cells in SIZES.items():

            def of_size(bench: Bench, run: str = run) -> list[float]:
                return measure(bench, run)

            of_size.__doc__ = measure.__doc__
            case(f"{name}, {cells} cells per modality", unit="ms", target=target if run == "20k" else "–")(of_size)
        return measure

    return added


@sized("colour change", target="< 300")
def colour_change(bench: Bench, run: str) -> list[float]:
    """Both linked maps are coloured by the label or by its verdict: until the second is drawn."""
    with bench.visitor("match", run) as page:
        open_maps(page)
        return [pick(page, "Colour by", COLOURS[i % 2], MATCHES, MAP_CHANGED) for i in range(bench.runs + 1)][1:]


@sized("feature chosen to projected values drawn", target="< 500")
def feature_drawn(bench: Bench, run: str) -> list[float]:
    """Another feature of the source is chosen: until both maps show it, measured and projected through the plan."""
    with bench.visitor("match", run) as page:
        open_maps(page)
        pick(page, "Colour by", "a feature …", MATCHES, MAP_CHANGED)
        names = [str(each) for each in range(1, FEATURES)]
        found = []
        for i in range(bench.runs + 1):
            found.append(pick(page, "Feature", f"{names[i % len(names)]} (source)", MATCHES, MAP_CHANGED))
        return found[1:]


@sized("click on a cell to its pair", target="< 300")
def click_to_pair(bench: Bench, run: str) -> list[float]:
    """A cell is clicked on the map of the target: until the weights of its matches are drawn."""
    with bench.visitor("match", run) as page:
        open_maps(page)
        return [click_cell(page, MATCHES, 7 + 13 * i) for i in range(bench.runs + 1)][1:]


@sized("lasso of 1,000 cells to markers in both modalities", target="< 2,000")
def lasso_to_markers(bench: Bench, run: str) -> list[float]:
    """From the release of the lasso to the markers, with intervals and the null; the click between is not counted."""
    scores = files.SCORE_MAP.read(bench.folder(run), which="pca")
    assert scores is not None
    found = []
    with bench.visitor("match", run) as page:
        for i in range(bench.runs):
            open_maps(page)
            drawn = draw_lasso(bench, page, scores.source_xy, i, "")
            button = page.get_by_role("button", name="What distinguishes them?")
            button.wait_for()
            found.append(drawn + timed(page, button.click, SHOWN, MARKERS))
    return found


@sized("comparison with another run", target="< 1,000")
def two_runs(bench: Bench, run: str) -> list[float]:
    """A run of another epsilon is chosen for the first time: until the shared mass is drawn. As many as other runs."""
    others = [bench.other(run, epsilon) for epsilon in EPSILONS]
    with bench.visitor("match", run) as page:
        open_tab(page, "Two matchings", "compared-bars")
        return [pick(page, "Compare with", name, "compared-bars") for name in others[:-1]]  # the newest is shown first


def pick(page: Page, box: str, option: str, figure: str, changed: str = CHANGED) -> float:
    """Milliseconds from choosing an option until a figure or a map is drawn anew."""
    wanted = page.get_by_role("option", name=option, exact=True).first
    for _ in range(OPENINGS):  # a script that ends meanwhile draws the box anew, closed
        page.get_by_role("combobox", name=box).first.click()
        with suppress(NotSeen):
            wanted.wait_for(timeout=OPENED_MS)
            break
    return timed(page, wanted.click, changed, figure)


def click_cell(page: Page, side: str, number: int) -> float:
    """Milliseconds from a click on a dot of a map until its pair is drawn."""
    settled(page)
    page.locator(f"[class*='{side}'] .cell-map canvas").first.scroll_into_view_if_needed()
    place = page.evaluate(
        """([key, at]) => {
          const map = window.mapOf(key), {px, py, n} = map.ready, box = map.canvas.getBoundingClientRect();
          return [box.left + px[at % n], box.top + py[at % n]]; }""",
        [side, number],
    )
    page.mouse.move(*place)
    return timed(page, lambda: page.mouse.click(*place), BARS_CHANGED, "st-key-matches")
