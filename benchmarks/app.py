"""How fast does the app answer, and what does a visitor cost?

    python -m benchmarks.app                      # all cases, 20 runs each, into benchmarks/results/app.json
    python -m benchmarks.app --only "page switch" --runs 5 --out ""

Needs Chromium and Playwright (requirements-dev.txt). A case is one function that returns its measurements; its
decorator names it, its unit and the target of the design. A case is timed from the click until the page's script has
ended and everything is drawn in a real browser, so that the figures are those of a person with a stop watch.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import sync_playwright

from benchmarks.app_server import Bench, Traffic, arrived, choose, go, settled

RESULTS = Path(__file__).with_name("results") / "app.json"
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
Measure = Callable[[Bench], list[float]]


@dataclass(frozen=True)
class Case:
    """One thing that is measured."""

    name: str
    unit: str
    target: str
    measure: Measure


CASES: list[Case] = []


def case(name: str, *, unit: str, target: str) -> Callable[[Measure], Measure]:
    """Add a function to what is measured."""

    def added(measure: Measure) -> Measure:
        CASES.append(Case(name, unit, target, measure))
        return measure

    return added


@case("first paint, cold", unit="s", target="< 5")
def cold_paint(bench: Bench) -> list[float]:
    """A server that nobody has visited; from the request until the first demo's button."""
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
    """The same for another visitor, whose browser has seen nothing."""
    _paint(bench)
    return [_paint(bench) for _ in range(bench.runs)]


@case("page switch", unit="ms", target="< 500")
def page_switch(bench: Bench) -> list[float]:
    """Round and round the pages of a finished run of 800 cells a side."""
    ways = ("propensity", "match", "evaluate", "export", "data")
    with bench.visitor("data", "small") as page:
        for way in ways:
            go(page, way)
        return [1000 * go(page, ways[i % len(ways)]) for i in range(bench.runs)]


@case("heatmap of 5,000 × 5,000 cells", unit="ms", target="< 1,000")
def heatmap(bench: Bench) -> list[float]:
    """Another label of 5,000 cells a side is chosen; until its plan is drawn."""
    with bench.visitor("match", "5000") as page:
        found = []
        for i in range(bench.runs + 1):
            began = choose(page, "Label", f"label {(i + 1) % 2:02d}", "5,000 × 5,000 cells averaged")
            found.append(1000 * began)
        return found[1:]


@case("map of scores, 20k cells a side", unit="ms", target="< 1,500")
def map_20k(bench: Bench) -> list[float]:
    """The Propensity page is opened in a session that knows the run; until all 40,000 points are drawn."""
    return _maps(bench, "20k")


@case("map of scores, 50k cells a side (20k drawn)", unit="ms", target="< 1,500")
def map_50k(bench: Bench) -> list[float]:
    """The same where a sample is drawn."""
    return _maps(bench, "50k")


@case("memory of an idle session", unit="MB", target="< 150")
def idle_memory(bench: Bench) -> list[float]:
    """What one more visitor on the first page costs the server."""
    with bench.visitor():
        found, before = [], bench.memory()
        contexts = []
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


@case("memory of a session after 100 clicks, beyond its data", unit="MB", target="< 150")
def clicked_memory(bench: Bench) -> list[float]:
    """The server's growth while a visitor walks all pages of a run of 20k cells a side, after a first round."""
    ways = ("propensity", "match", "export", "data")
    with bench.visitor("data", "20k") as page:
        for way in ways:
            go(page, way)
        before = bench.memory()
        for i in range(100):
            go(page, ways[i % len(ways)])
        return [bench.memory() - before]


@case("web socket, a page switch of a small run", unit="kB", target="no target")
def switch_bytes(bench: Bench) -> list[float]:
    """Both ways, the figure of the new page included."""
    context = bench.browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    traffic, found = Traffic(page), []
    page.goto(f"{bench.url}/?run={bench.run('small')}")
    arrived(page, "data")
    ways = ("propensity", "match", "evaluate", "export", "data")
    for i in range(bench.runs):
        before = traffic.bytes
        go(page, ways[i % len(ways)])
        found.append((traffic.bytes - before) / 1024)
    context.close()
    return found


@case("web socket, another label's heatmap of 5,000 × 5,000 cells", unit="kB", target="< 360")
def heatmap_bytes(bench: Bench) -> list[float]:
    """Binned and in whole numbers, or it would be megabytes."""
    context = bench.browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    traffic, found = Traffic(page), []
    page.goto(f"{bench.url}/match?run={bench.run('5000')}")
    arrived(page, "match")
    for i in range(min(bench.runs, 6)):
        before = traffic.bytes
        choose(page, "Label", f"label {(i + 1) % 2:02d}", "5,000 × 5,000 cells averaged")
        page.wait_for_timeout(300)
        found.append((traffic.bytes - before) / 1024)
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


def _maps(bench: Bench, run: str) -> list[float]:
    with bench.visitor("propensity", run) as page:
        found = []
        for _ in range(bench.runs):
            go(page, "export")
            began = time.perf_counter()
            page.get_by_test_id("stSidebarNav").get_by_role("link", name="Propensity").click()
            page.locator(".js-plotly-plot .gl-canvas").first.wait_for(timeout=60_000)
            settled(page)
            found.append(1000 * (time.perf_counter() - began))
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--only", default="", help="cases whose name holds this")
    parser.add_argument("--out", default=str(RESULTS), help="where the figures go; empty for nowhere")
    options = parser.parse_args()
    rows = []
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as place:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        bench = Bench(browser, Path(place), options.runs)
        bench.start()
        try:
            for each in CASES:
                if options.only in each.name:
                    rows.append(_row(each, each.measure(bench)))
                    print(_said(rows[-1]), flush=True)
                    _write(rows, options)
        finally:
            bench.stop()
            browser.close()


def _write(rows: list[dict[str, object]], options: argparse.Namespace) -> None:
    """All figures so far: a case that fails takes none of those before it along."""
    if not options.out:
        return
    machine = {
        "system": platform.system(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load average at the end": round(os.getloadavg()[0], 1),
        "command": f"python -m benchmarks.app --runs {options.runs}",
    }
    text = json.dumps({"machine": machine, "cases": rows}, indent=1, ensure_ascii=False)
    Path(options.out).write_text(text + "\n", encoding="utf-8")


def _row(each: Case, values: list[float]) -> dict[str, object]:
    ordered = sorted(values)
    p95 = ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]
    figures = {"median": round(statistics.median(values), 2), "p95": round(p95, 2), "n": len(values)}
    return {"case": each.name, "unit": each.unit, **figures, "target": each.target}


def _said(row: dict[str, object]) -> str:
    return f"{row['case']}: {row['median']} {row['unit']} (p95 {row['p95']}, n = {row['n']}; target {row['target']})"


if __name__ == "__main__":
    main()
