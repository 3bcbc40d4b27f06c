"""docs/speed.md from the figures kept by ``python -m benchmarks.app``: ``python -m benchmarks.app_page``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks import app_cases, app_maps, app_memory
from benchmarks.app_registry import CASES
from psmatch_core.base import disk

SOURCES = (app_cases, app_maps, app_memory)  # the modules that add cases
RESULTS = Path(__file__).with_name("results") / "app.json"
PAGE = Path(__file__).parents[1] / "docs" / "speed.md"
FIGURES = ("median", "least", "p95")  # earlier cases kept no least
HEAD = """# How fast the app answers

    python -m benchmarks.app                      # all cases; add "page switch" or another name for one
    python -m benchmarks.app_page                 # this page

Measured in a headless Chromium without a graphics card, on the machine that also runs the server. Time runs from the
user's action (key, click, release of the mouse) until the page's script has ended and the result is painted; the page
checks for this once per frame. Cases marked `core` run without the app. Data are synthetic, and scores are those of
ridge regression, in ten dimensions for large labels. Targets are those of the design (– if there is none).

Other work shares the machine; the load says how much: processes that want one of the cores named below. The least of
the runs is nearest to what a machine without other work gives.
"""


def main() -> None:
    disk.write_text(PAGE, page(json.loads(RESULTS.read_text(encoding="utf-8"))))
    print(f"{PAGE.name} written")


def page(found: dict[str, Any]) -> str:
    """The page as text."""
    facts = f"Latest cases: commit {found['commit']}, {found['date']}, {found['machine']}, {found['cores']} cores."
    return "\n".join([HEAD, facts, "", *_table(found["cases"]), "", "## What is measured", "", *_words()]) + "\n"


def _table(cases: list[dict[str, Any]]) -> list[str]:
    rows = [
        "| case | median | fastest | p95 | n | target | machine load | measured |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for each in cases:
        figures = [f"{_number(each[name])} {each['unit']}" if name in each else "" for name in FIGURES]
        target = each["target"] if each["target"] == "–" else f"{each['target']} {each['unit']}"
        rows.append(
            f"| {each['case']} | {' | '.join(figures)} | {each['n']} | {target} | {each['load']} | {each['date']} |"
        )
    return rows


def _words() -> list[str]:
    return [f"- **{each.name}**: {' '.join((each.measure.__doc__ or '').split())}" for each in CASES]


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    main()
