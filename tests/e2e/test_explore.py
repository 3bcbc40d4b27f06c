"""Looking around on Match in a real browser: a dragged slider shows a fresh solve, a lasso the cells of the core."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (pip install playwright)")

from playwright.sync_api import expect

from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.exploration.markers import find_markers
from psmatch_core.exploration.matched_cell import matched_cell
from psmatch_core.exploration.projection import project_column
from psmatch_core.exploration.selection import matched_weight, on_map
from psmatch_core.exploration.two_matchings import compare_matchings
from psmatch_core.matching.matchers import NeighborMatcher, SinkhornMatcher
from psmatch_core.pipeline.demo_data import demo_recipe
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.plotting.linked_maps import MOST_MATCHES
from psmatch_core.workspace import files
from psmatch_core.workspace.jobs.epsilon_path import EpsilonPathJob
from psmatch_core.workspace.results import in_readable_units, load_models, load_readable
from psmatch_core.workspace.run_folder import RunFolder
from psmatch_core.workspace.saved_markers import delete_markers, load_markers
from psmatch_core.workspace.store import RunStore
from tests.e2e.conftest import SCREENSHOTS, Server
from tests.e2e.exploring import (
    LABEL,
    bars,
    cell_map,
    chip,
    clear,
    dots,
    drag,
    draw_on_map,
    draw_rows,
    figure,
    fresh,
    heat_map,
    made,
    matched,
    opened,
    path_weights,
    saved,
    shown,
    values_of,
)
from tests.e2e.steps import choose, drawn, go, no_exception, part, picture, press, settle, visit
from tests.waiting import until

pytestmark = pytest.mark.browser
# The cell that is farthest from its nearest neighbour, so that a hand hits no other: its row, and its place [px].
LONELY = """m => { const {px, py, n, sides: [{places}]} = m.map.ready, all = [...Array(n).keys()];
  const apart = (a, b) => a === b ? 1e9 : (px[a] - px[b]) ** 2 + (py[a] - py[b]) ** 2;
  const room = (cell) => Math.min(...all.map((each) => apart(each, cell)));
  const best = all.map((cell) => [room(cell), cell]).sort((a, b) => b[0] - a[0])[0][1];
  return [places.rows[best], px[best], py[best]]; }"""
RECIPE = demo_recipe(Recipe(classifier=LinearClassifier()), "screen")


@pytest.fixture(scope="module")
def run(server: Server) -> RunFolder:
    return made(server, RECIPE, "explored")


def test_what_is_dragged_is_a_fresh_solve(server: Server, run: RunFolder, new_page: Any) -> None:
    page = opened(new_page(), server, run)
    for key, times in (("ArrowLeft", 4), ("ArrowRight", 7)):
        epsilon = drag(page, key, times)
        assert epsilon != pytest.approx(run.recipe.matcher.epsilon)  # type: ignore[attr-defined]
        expect(page.get_by_role("button", name=re.compile(f"Use ε = {epsilon:g} for all labels"))).to_be_enabled()
        expect(page.locator(".js-plotly-plot").filter(has_text=f"in use: epsilon {epsilon:g}")).to_have_count(1)
        settle(page)
        assert float(shown(page, "ε")) == epsilon
        solved = fresh(run, epsilon)[LABEL]
        assert float(shown(page, "Effective matches per cell")) == pytest.approx(
            np.median(solved.n_effective), rel=0.02
        )
        said, weights = path_weights(page, run, epsilon)
        assert said == weights
    picture(page, SCREENSHOTS / "match_ladder.png")
    press(page, re.compile("^Sharp"))  # type: ignore[arg-type]
    expect(page.get_by_role("button", name="Use ε = 0.02 for all labels")).to_be_enabled()
    assert shown(page, "ε") == "0.02"
    no_exception(page)


def test_a_lasso_selects_the_cells_that_the_core_says_and_its_matches_follow_epsilon(
    server: Server, run: RunFolder, new_page: Any
) -> None:
    page = opened(new_page(), server, run)
    until(lambda: not any(job.is_active for job in EpsilonPathJob.jobs_of(run)), "a path did not end")
    page.get_by_role("tab", name="Linked maps").click()
    settle(page)
    x, y = draw_on_map(page, cell_map(page, "source"), (0.3, 0.7))
    expect(chip(page, "RNA cells selected")).to_be_visible()
    settle(page)
    coupling, scores = matched(run), files.SCORE_MAP.read(run, which="pca")
    assert scores is not None
    kept = saved(page, run, "middle")
    expected = on_map(scores, "source", [(x[0], y[0]), (x[1], y[0]), (x[1], y[1]), (x[0], y[1])])
    assert kept.side == "source"
    apart = set(kept.names(coupling)) ^ set(expected.names(coupling))
    assert len(apart) <= 0.02 * len(expected) + 1, apart  # a pixel of the hand at the edge
    expect(chip(page, f"{len(kept):,} RNA cells selected")).to_be_visible()

    slider = page.get_by_role("slider").first
    expect(slider).to_be_visible()
    label = part(page, "linked-slider").locator("strong").inner_text()
    epsilon = drag(page, "ArrowRight", 6)
    text = f"matches at ε = {epsilon:g} for {label}, otherwise 0.05 as in the run"
    expect(page.get_by_role("paragraph").filter(has_text=re.compile(f"^{text}"))).to_be_visible()
    settle(page)
    followed = coupling.with_blocks({**coupling.blocks, label: fresh(run, epsilon)[label]})
    now, before = (matched_weight(each, kept)[scores.target_cells] for each in (followed, coupling))
    order = np.argsort(now, kind="stable")
    order = order[now[order] > 0][-MOST_MATCHES:]
    seen = np.array(cell_map(page, "target").evaluate("m => Array.from(m.map.ready.sides[0].marks.weights)"))
    assert seen.shape == order.shape
    assert np.abs(seen - now[order]).sum() < 0.1 * np.abs(before[order] - now[order]).sum()
    picture(page, SCREENSHOTS / "match_linked.png")
    clear(page)
    expect(page.get_by_text("Nothing is selected")).to_be_visible()
    no_exception(page)


def test_a_feature_is_measured_on_one_map_and_projected_on_the_other_as_the_core_says(
    server: Server, run: RunFolder, new_page: Any
) -> None:
    page, name = new_page(), "image_07"
    visit(page, f"{server.url}/propensity?run={run.id}", "Propensity")
    choose(page, "Colour by", "a feature")
    page.get_by_label("Find a feature").fill(name)
    page.get_by_label("Find a feature").press("Enter")
    expect(page.get_by_role("strong").filter(has_text=f"{name}: projected through the plan on")).to_be_visible()
    settle(page)
    image = in_readable_units(run, "target")
    values = np.asarray(image.X[:, int(np.flatnonzero(image.var_names == name)[0])], dtype=float)
    expected = project_column(matched(run), "target", values)
    shown = dots(page, "cells.map")
    for side, of_core in (("source", expected.values), ("target", values)):
        rows = np.array(sorted(shown[side]))
        assert rows.size == of_core.size
        assert np.array([shown[side][row] for row in rows.tolist()]) == pytest.approx(
            of_core[rows], rel=1e-4, abs=1e-4 * np.ptp(of_core) + 1e-6
        )
    text = f"{expected.within:.0%} of the variance of the projection lies within labels"
    expect(page.get_by_text(re.compile(f"^{text}"))).to_be_visible()
    page.get_by_text("label mean (uniform plan)").click()
    expect(page.get_by_role("strong").filter(has_text=f"{name}: mean of its label on")).to_be_visible()
    settle(page)
    means = dots(page, "cells.map")["source"]
    assert [means[row] for row in sorted(means)] == pytest.approx(expected.label_values.tolist(), rel=1e-4, abs=1e-4)
    page.get_by_text("projected through the plan", exact=True).last.click()
    settle(page)
    go(page, "Match")
    page.get_by_role("tab", name="Linked maps").click()
    stays = page.get_by_role("paragraph").filter(has_text=f"{name} projected through the plan")
    expect(stays).to_be_visible()
    picture(page, SCREENSHOTS / "match_feature.png")
    no_exception(page)


def test_a_block_of_the_heatmap_and_rows_of_the_table_select_their_cells(
    server: Server, run: RunFolder, new_page: Any
) -> None:
    page = opened(new_page(), server, run)
    coupling = matched(run)
    job = EpsilonPathJob.latest(run, LABEL)
    assert job is not None
    path = job.result(load_models(run))
    assert path is not None
    y = draw_rows(page, heat_map(page), (0.25, 0.6))
    expect(page.get_by_text(f"a block of the heatmap of {LABEL}")).to_be_visible()
    settle(page)
    page.get_by_role("tab", name="Linked maps").click()
    settle(page)
    kept = saved(page, run, "block")
    rows = path.means.rows_between(min(y), max(y))
    apart = set(kept.cells) ^ set(coupling.source_cells[LABEL][rows])
    a_bin = int(np.diff(path.means.row_edges).max())
    assert len(kept) > 3
    assert len(apart) <= 2 * a_bin, apart  # a pixel of the hand at either edge
    clear(page)

    page.get_by_role("tab", name="One label").click()
    settle(page)
    table = part(page, "epsilon.pairs").first
    expect(table).to_be_visible()
    table.scroll_into_view_if_needed()
    drawn(page)
    area = table.locator("canvas").first.bounding_box()
    assert area is not None
    page.mouse.click(area["x"] + 18, area["y"] + 36 + 17)
    expect(chip(page, "1 RNA cell selected")).to_be_visible()
    expect(page.get_by_text(f"rows of the table of {LABEL}")).to_be_visible()
    page.get_by_role("tab", name="Linked maps").click()
    settle(page)
    assert saved(page, run, "row").cells.tolist() == [coupling.source_cells[LABEL][0]]
    no_exception(page)


def test_a_lasso_is_answered_by_markers_in_both_modalities(server: Server, run: RunFolder, new_page: Any) -> None:
    page = new_page()
    visit(page, f"{server.url}/match?run={run.id}", "Match")
    page.get_by_role("tab", name="Linked maps").click()
    settle(page)
    draw_on_map(page, cell_map(page, "source"), (0.2, 0.5))
    expect(chip(page, "RNA cells selected")).to_be_visible()
    kept = saved(page, run, "corner")
    press(page, "What distinguishes them?")
    coupling, sides = matched(run), load_readable(run)
    expected = find_markers(coupling, sides, kept, seed=run.recipe.seed)
    expect(page.get_by_text(f"{expected.finding()}.")).to_be_visible()
    settle(page)
    for values in ("measured", "projected"):
        total = figure(page, f"markers.{values}").evaluate("p => Array.from(p._fullData.at(-1).x)")
        assert total == pytest.approx(expected.of(values)["effect"][: len(total)].tolist(), rel=1e-4)
    picture(page, SCREENSHOTS / "match_markers.png")
    page.get_by_label("Name for the report").fill("corner")
    page.get_by_label("Name for the report").press("Enter")
    settle(page)
    press(page, "Keep for the report")
    expect(page.get_by_text("In the report: corner")).to_be_visible()
    assert load_markers(run)["corner"].finding() == expected.finding()
    delete_markers(run, "corner")
    no_exception(page)


def test_a_click_on_a_map_shows_the_pair(server: Server, run: RunFolder, new_page: Any) -> None:
    page = new_page()
    visit(page, f"{server.url}/match?run={run.id}", "Match")
    page.get_by_role("tab", name="Linked maps").click()
    settle(page)
    shown = cell_map(page, "target")
    row, px, py = shown.evaluate(LONELY)
    area = shown.locator("canvas").bounding_box()
    assert area is not None
    page.mouse.click(area["x"] + px, area["y"] + py)
    expect(chip(page, "1 Image cell selected")).to_be_visible()
    settle(page)
    coupling, scores = matched(run), files.SCORE_MAP.read(run, which="pca")
    assert scores is not None
    assert row in scores.target_cells
    found = matched_cell(coupling, load_readable(run), row, "target")
    weights = bars(page, "matches")
    assert sorted(weights, reverse=True) == pytest.approx(found.weights[: len(weights)], rel=1e-4)
    no_exception(page)


def test_the_pair_that_is_shown_is_the_couplings(server: Server, run: RunFolder, new_page: Any) -> None:
    page = new_page()
    visit(page, f"{server.url}/match?run={run.id}", "Match")
    page.get_by_role("tab", name="One cell").click()
    settle(page)
    choose(page, "Label", LABEL)
    coupling, sides = matched(run), load_readable(run)
    box = page.get_by_role("combobox", name="Source cell")
    for row in (1, 2):  # the tab has the focus, or the page: the keys step through the cells
        page.get_by_role("tab", name="One cell").focus()
        page.keyboard.press("Shift+ArrowDown")
        cell = int(coupling.source_cells[LABEL][row])
        expect(box).to_have_value(str(sides[0].obs_names[cell]))
        settle(page)
    found = matched_cell(coupling, sides, cell)
    assert float(shown(page, "Effective matches")) == pytest.approx(found.n_effective, rel=0.06)
    weights = bars(page, "matches")
    assert sorted(weights, reverse=True) == pytest.approx(found.weights[: len(weights)], rel=1e-4)
    mean = bars(page, "pair-matches")
    assert mean == pytest.approx(found.mean_z[found.standing_out("matches", len(mean))], rel=1e-4)
    page.keyboard.press("Shift+ArrowUp")
    expect(box).to_have_value(str(sides[0].obs_names[coupling.source_cells[LABEL][1]]))
    picture(page, SCREENSHOTS / "match_cell.png")
    page.set_viewport_size({"width": 390, "height": 900})  # on a phone the name has a line of its own
    steps = part(page, "cell-steps")
    until(
        lambda: steps.get_by_test_id("stSelectbox").evaluate("e => e.getBoundingClientRect().width") > 300,
        "the box with the names of the cells is narrow",
    )
    no_exception(page)


def test_two_matchings_are_compared_cell_by_cell_and_for_what_is_drawn(
    server: Server, run: RunFolder, new_page: Any
) -> None:
    other = made(server, replace(RECIPE, matcher=SinkhornMatcher(epsilon=0.5)), "smoother")
    page = new_page()
    visit(page, f"{server.url}/match?run={run.id}", "Match")
    page.get_by_role("tab", name="Two matchings").click()
    settle(page)
    choose(page, "Compare with", "smoother")
    first = matched(run)
    found = compare_matchings(first, matched(other)).cells.set_index("cell")["shared_mass"]
    names = first.source.modality.obs_names
    until(lambda: "“smoother” share" in page.get_by_test_id("stMain").inner_text(), "the two are not compared")
    shown = cell_map(page, "source", "compared.map")
    values = values_of(shown)
    expected = found.reindex(names[list(values)]).to_numpy()
    assert np.isfinite(expected).all()
    assert list(values.values()) == pytest.approx(expected.tolist(), abs=1e-4)
    draw_on_map(page, shown, (0.3, 0.7))
    said = page.get_by_role("paragraph").filter(has_text=re.compile("selected cells share"))
    expect(said).to_be_visible()
    settle(page)
    rows = cell_map(page, "source", "compared.map").evaluate(
        "m => Array.from(m.map.ready.sides[0].marks.cells, (cell) => m.map.ready.sides[0].places.rows[cell])"
    )
    mean = found.reindex(names[rows]).mean()
    assert said.inner_text() == f"The {len(rows):,} selected cells share {mean:.0%} of their weight."
    picture(page, SCREENSHOTS / "match_two.png")
    no_exception(page)


@pytest.mark.parametrize("option", ["epsilon", "k"])
def test_what_was_found_is_used_for_all_labels_without_training(
    server: Server, run: RunFolder, new_page: Any, option: str
) -> None:
    before = run if option == "epsilon" else made(server, replace(RECIPE, matcher=NeighborMatcher(5)), "neighbours")
    page = opened(new_page(), server, before)
    value = drag(page, "ArrowRight", 3)
    name = f"Use {'ε' if option == 'epsilon' else 'k'} = {value:g} for all labels"
    expect(page.get_by_role("button", name=name)).to_be_enabled()
    press(page, name)
    expect(page).not_to_have_url(re.compile(before.id))
    after = RunFolder(before.path.with_name(re.findall(r"run=([\w-]+)", page.url)[0]))
    store = RunStore(server.workspace)
    try:
        assert getattr(after.recipe.matcher, "epsilon" if option == "epsilon" else "n_neighbors") == value
        assert replace(after.recipe, matcher=before.recipe.matcher) == before.recipe
        until(
            lambda: files.COUPLING.is_in(after) and files.LABELS.is_in(after),
            lambda: str(after.status()),
        )
        for side in ("source", "target"):  # the same file, not one that was trained alike
            paths = [files.PROPENSITY.path(each, side) for each in (before, after)]
            assert os.path.samefile(*paths)
        assert not [each for each in after.events() if each.stage.startswith("propensity") and "C" in each.values]
        solved, expected = matched(after)[LABEL], fresh(before, value)[LABEL]
        assert solved.n_effective == pytest.approx(expected.n_effective, rel=1e-2)
        expect(page.get_by_role("button", name=re.compile("^As in the run"))).to_have_text(f"As in the run {value:g}")
    finally:
        store.cancel(after)
    no_exception(page)
