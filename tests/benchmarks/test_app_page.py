"""The page of the app's speed says what the kept figures say, each beside its target and what was measured."""

import json

import pytest

pytest.importorskip("playwright", reason="Playwright is not installed (pip install playwright)")

from benchmarks import app_page
from benchmarks.app import _rows
from benchmarks.app_registry import CASES, every


def test_the_page_is_made_of_the_kept_figures():
    kept = json.loads(app_page.RESULTS.read_text(encoding="utf-8"))
    assert app_page.PAGE.read_text(encoding="utf-8") == app_page.page(kept)


def test_a_case_is_a_row_with_median_p95_and_target():
    (case,) = every(["page switch"])
    time, bytes_ = _rows(case, [3.0, 1.0, 2.0, 400.0], [10.0])
    assert (time["median"], time["least"], time["p95"], time["n"], time["target"]) == (2.5, 1.0, 400.0, 4, "< 500")
    assert (bytes_["case"], bytes_["unit"], bytes_["n"]) == ("page switch: web socket", "kB", 1)
    facts = {"commit": "abc", "date": "2026-01-01", "machine": "a machine", "cores": 2}
    said = app_page.page({**facts, "cases": [time, bytes_]})
    assert "Latest cases: commit abc, 2026-01-01, a machine, 2 cores." in said
    assert f"| page switch | 2.5 ms | 1 ms | 400 ms | 4 | < 500 ms | {time['load']} | {time['date']} |" in said
    assert f"| page switch: web socket | 10 kB | 10 kB | 10 kB | 1 | – | {bytes_['load']} | {bytes_['date']} |" in said


def test_everything_that_the_design_asks_for_is_measured():
    names = " ".join(case.name for case in CASES)
    for asked in (
        "first paint, cold", "first paint, warm", "page switch", "slider step, 500", "slider step, 2,000",
        "slider step, 5,000", "lasso of 1,000 cells", "heatmap of 5,000", "20k cells", "50k cells",
        "memory of an idle session", "an hour's clicking", "colour change", "feature chosen", "click on a cell",
        "lasso of 1,000 cells to markers", "comparison with another run",
    ):  # fmt: skip
        assert asked in names
    assert [case.name for case in every([])] == [case.name for case in CASES]
    assert all(case.measure.__doc__ for case in CASES)
