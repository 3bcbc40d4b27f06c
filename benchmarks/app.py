"""How fast does the app answer, and how much memory does a visitor take?

    python -m benchmarks.app                      # all cases, 20 runs each, into results/app.json and docs/speed.md
    python -m benchmarks.app "page switch" lasso --runs 5 --out ""

Needs Chromium and Playwright (requirements-dev.txt). A case is a function in benchmarks/app_cases.py or app_maps.py
that returns its measurements; its decorator names it, its unit and its target. A case is timed in a real, headless
browser without a graphics card, from the user's action until the page's script has ended and the result is painted, as
a person with a stop watch would time it. Cases named "core" run without the app.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from benchmarks import app_page
from benchmarks.app_page import RESULTS
from benchmarks.app_registry import CASES, Case, every
from benchmarks.app_server import Bench
from benchmarks.quality import machine

CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", metavar="CASE", help="cases whose name contains this; all by default")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--workspace", default="", help="keep the runs there, and use those of before")
    parser.add_argument("--out", default=str(RESULTS), help="file for the figures; empty to write none")
    options = parser.parse_args()
    chosen = list(every(options.cases))
    if not chosen:
        raise SystemExit(f"unknown case; the cases are: {', '.join(each.name for each in CASES)}")
    began = time.perf_counter()
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as place:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        bench = Bench(browser, Path(options.workspace or place), options.runs)
        bench.find_runs()
        bench.start()
        try:
            for each in chosen:
                rows = _rows(each, each.measure(bench), bench.kilobytes.get(each.name, []))
                print(*(_said(row) for row in rows), sep="\n", flush=True)
                if options.out:
                    _write(rows, Path(options.out), options)
                if options.out == str(RESULTS):
                    app_page.main()
        finally:
            bench.stop()
            browser.close()
    print(f"{len(chosen)} cases in {(time.perf_counter() - began) / 60:.1f} minutes")


def _write(rows: list[Row], path: Path, options: argparse.Namespace) -> None:
    """Put figures among those that are there: a case that fails takes none of those before it along."""
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"cases": []}
    figures = {row["case"]: row for row in [*kept["cases"], *rows]}
    order = [name for each in CASES for name in (each.name, _socket(each.name))]
    found = {
        **{key: value for key, value in machine().items() if key != "versions"},
        "cores": os.cpu_count(),
        "command": " ".join(["python -m benchmarks.app", *(f'"{each}"' for each in options.cases)]),
        "cases": [figures[name] for name in order if name in figures],
    }
    path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _rows(each: Case, values: list[float], kilobytes: list[float]) -> list[Row]:
    rows = [_row(each.name, each.unit, each.target, values)]
    return [*rows, _row(_socket(each.name), "kB", each.sent, kilobytes)] if each.sent and kilobytes else rows


def _row(name: str, unit: str, target: str, values: list[float]) -> Row:
    ordered = sorted(values)
    p95 = ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]
    figures = {"median": round(statistics.median(values), 2), "least": round(min(values), 2), "p95": round(p95, 2)}
    figures["n"] = len(values)
    return {
        "case": name,
        "unit": unit,
        **figures,
        "target": target,
        "load": round(os.getloadavg()[0], 1),
        "date": machine()["date"],
    }


def _socket(name: str) -> str:
    return f"{name}: web socket"


def _said(row: Row) -> str:
    return f"{row['case']}: {row['median']} {row['unit']} (p95 {row['p95']}, n = {row['n']}; target {row['target']})"


if __name__ == "__main__":
    main()
