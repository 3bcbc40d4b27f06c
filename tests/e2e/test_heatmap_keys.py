"""Rows of the slider's heatmap are chosen by keyboard alone: the cells selected are those that the core has there.

The label is solved while the keys are pressed: what appears and vanishes above the heatmap does not build it anew.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (pip install playwright)")

from playwright.sync_api import Page, expect

from pages.shell.shipped_demos import unpack_demo
from psmatch_core.matching.coupling import Coupling
from psmatch_core.workspace.jobs.epsilon_path import EpsilonPathJob
from psmatch_core.workspace.results import load_matching, load_models
from psmatch_core.workspace.run_folder import RunFolder
from psmatch_core.workspace.store import RunStore
from tests.e2e.conftest import Server
from tests.e2e.exploring import chip, heat_map, saved
from tests.e2e.steps import settle, visit
from tests.waiting import until

pytestmark = pytest.mark.browser
FIRST, LAST = 2, 7  # rows of the heatmap


def paths(folder: RunFolder, coupling: Coupling) -> list[EpsilonPathJob]:
    """The labels that the page has solved, or solves."""
    return [job for label in coupling.labels if (job := EpsilonPathJob.latest(folder, label)) is not None]


def test_rows_are_chosen_by_keys_and_are_those_of_the_core(server: Server, new_page: Callable[..., Any]) -> None:
    store = RunStore(server.workspace)
    assert unpack_demo("screen", store.runs, server.workspace / "demos")
    (folder,) = [store.open(entry.id) for entry in store.entries()]
    models = load_models(folder)
    coupling = load_matching(folder, models)
    page: Page = new_page()
    visit(page, f"{server.url}/match?run={folder.id}", "Match")
    shown = heat_map(page)
    until(lambda: shown.evaluate("m => m.heat.about([0, 0]).length") == 3, "the names of the cells did not arrive")
    shown.locator("canvas").focus()
    for key in ["ArrowDown"] * FIRST:
        page.keyboard.press(key)
    said = shown.locator(".says")
    expect(said).to_have_text(", ".join(shown.evaluate("(m, row) => m.heat.about([row, 0])", FIRST)))
    page.keyboard.press("Enter")
    expect(said).to_contain_text("First row set")
    shown.evaluate("m => { m.isTheSame = true; }")
    until(lambda: all(job.is_done for job in paths(folder, coupling)), "the label is not solved")
    settle(page)
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    expect(said).to_contain_text("First row set")
    page.keyboard.press("Escape")  # and anew
    assert shown.evaluate("m => m.heat.first") is None
    page.keyboard.press("Enter")
    for key in ["ArrowDown"] * (LAST - FIRST):
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    expect(chip(page, "RNA cells selected")).to_be_visible()
    settle(page)
    assert shown.evaluate("m => m.isTheSame && document.activeElement === m.heat.canvas")

    (job,) = paths(folder, coupling)
    label, path = job.label, job.result(models)
    assert path is not None
    means = path.means
    rows = means.row_order[means.row_edges[FIRST] : means.row_edges[LAST + 1]]
    expected = sorted(coupling.source_cells[label][rows].tolist())
    assert f"{len(expected)} RNA cells selected" in chip(page, "selected").inner_text()
    page.get_by_role("tab", name="Linked maps").click()
    settle(page)
    assert sorted(saved(page, folder, "by keys").cells.tolist()) == expected
