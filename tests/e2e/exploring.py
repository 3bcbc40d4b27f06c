"""What tests of looking around on Match do by hand and read there, and the runs that they look at."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (pip install playwright)")

from playwright.sync_api import Locator, Page, expect

from psmatch_core.exploration.epsilon_grid import at_value
from psmatch_core.exploration.selection import Selection
from psmatch_core.matching.coupling import Coupling
from psmatch_core.matching.match import match
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace import files, worker
from psmatch_core.workspace.jobs.epsilon_path import EpsilonPathJob
from psmatch_core.workspace.jobs.run import RunJob
from psmatch_core.workspace.results import load_matching, load_models
from psmatch_core.workspace.run_folder import DONE, RunFolder
from psmatch_core.workspace.selections import load_selections
from psmatch_core.workspace.store import RunStore
from tests.e2e.conftest import Server
from tests.e2e.steps import choose, drawn, part, press, settle, visit
from tests.waiting import until

LABEL = "JAK2"


def made(server: Server, recipe: Recipe, name: str) -> RunFolder:
    """A finished run of the demo with the epsilon path of one label, made here: starting a worker takes a minute."""
    store = RunStore(server.workspace)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "MAPS", ("pca",))
        folder = RunFolder.create(store.runs, recipe, name=name)
        status = worker.execute(RunJob(folder), cache=store.stages)
    assert status.state == DONE, status
    assert worker.execute(EpsilonPathJob.create(folder, LABEL)).state == DONE
    return folder


def matched(folder: RunFolder) -> Coupling:
    return load_matching(folder, load_models(folder))


def fresh(folder: RunFolder, value: float) -> Coupling:
    """The label solved again at a value of the run's epsilon or k."""
    return match(*load_models(folder), at_value(folder.recipe.matcher, value))  # type: ignore[arg-type]


def shown(page: Page, label: str) -> str:
    """The value of a metric."""
    metric = page.get_by_test_id("stMetric").filter(has=page.get_by_text(label, exact=True))
    return metric.get_by_test_id("stMetricValue").last.inner_text()


def opened(page: Page, server: Server, folder: RunFolder) -> Page:
    visit(page, f"{server.url}/match?run={folder.id}", "Match")
    choose(page, "Label", LABEL)
    expect(part(page, f"epsilon.heat.{folder.id}.{LABEL}").first).to_be_visible()  # till then it is another's slider
    expect(page.get_by_role("slider")).to_be_visible()
    settle(page)
    drawn(page)
    return page


def drag(page: Page, key: str, times: int) -> float:
    """Move the slider by keys; returns the value that it then shows, once the figures are those of it."""
    slider = page.get_by_role("slider").first
    slider.focus()
    for _ in range(times):
        page.keyboard.press(key)
    value = float(slider.get_attribute("aria-valuetext") or "nan")
    settle(page)
    return value


def figure(page: Page, key: str) -> Locator:
    plot = part(page, key).locator(".js-plotly-plot").first
    expect(plot).to_be_visible()
    plot.scroll_into_view_if_needed()
    # Asked of the page each time: a figure that is drawn anew is another element.
    until(lambda: bool(plot.evaluate("p => p._fullLayout?.xaxis?.range")), f"the figure {key} is not drawn")
    return plot


def heat_map(page: Page) -> Locator:
    """The plan of the label under the slider, once it is drawn with the latest that the server said."""
    shown = part(page, "epsilon.heat").locator(".heat-map").first
    expect(shown).to_be_visible()
    shown.scroll_into_view_if_needed()
    until(lambda: bool(shown.evaluate("m => m.heat?.drawn && m.heat.drawn === m.heat.shown")), "no plan is drawn")
    return shown


def draw_rows(page: Page, shown: Locator, share: tuple[float, float]) -> list[float]:
    """Draw a block by hand over a share of the height of a heatmap; returns its ends in rows of the heatmap."""
    area = shown.locator("canvas").bounding_box()
    assert area is not None
    y = np.round([area["y"] + area["height"] * each for each in share])
    page.mouse.move(area["x"] + 0.3 * area["width"], y[0])
    page.mouse.down()
    page.mouse.move(area["x"] + 0.5 * area["width"], y[1], steps=6)
    page.mouse.up()
    rows = shown.evaluate("m => m.heat.shown.shape[0]")
    return [(each - area["y"]) / area["height"] * rows - 0.5 for each in y.tolist()]


def cell_map(page: Page, side: str, key: str = "linked") -> Locator:
    """The map of one side, once it is drawn with the latest that the server said."""
    shown = part(page, f"{key}.{side}").locator(".cell-map").first
    expect(shown).to_be_visible()
    shown.scroll_into_view_if_needed()
    until(lambda: bool(shown.evaluate("m => m.map?.drawn && m.map.drawn === m.map.data")), f"the {side} is not drawn")
    return shown


def draw_on_map(page: Page, shown: Locator, share: tuple[float, float]) -> tuple[list[float], list[float]]:
    """Draw a rectangle by hand over a share of a map; returns its x and y in the map's units."""
    area = shown.locator("canvas").bounding_box()
    assert area is not None
    x, y = (
        np.round([area[at] + area[size] * each for each in share]) for at, size in (("x", "width"), ("y", "height"))
    )
    ends = [[float(x[at] - area["x"]), float(y[at] - area["y"])] for at in (0, 1)]
    first, last = shown.evaluate("(m, ends) => ends.map(end => m.map.units(end))", ends)
    page.mouse.move(x[0], y[0])
    page.mouse.down()
    for corner in ((x[1], y[0]), (x[1], y[1]), (x[0], y[1]), (x[0], y[0])):
        page.mouse.move(*corner, steps=6)
    page.mouse.up()
    return [first[0], last[0]], [first[1], last[1]]


def bars(page: Page, key: str) -> list[float]:
    """The values of a figure of bars, as its script holds and draws them."""
    panel = part(page, key).locator(".bar-panel").first
    expect(panel.locator("svg rect").first).to_be_visible()
    return panel.evaluate("p => p.panel.bars.flatMap(each => each.x)")


def saved(page: Page, folder: RunFolder, name: str) -> Selection:
    """Name the selection and keep it with the run; what was kept."""
    page.get_by_label("Name of this selection").fill(name)
    page.get_by_label("Name of this selection").press("Enter")
    settle(page)
    press(page, "Save with the run")
    expect(page.get_by_text(f"Saved as {name}")).to_be_visible()
    return next(each for each in load_selections(folder, matched(folder)) if each.name == name)


def chip(page: Page, text: str) -> Locator:
    """What is selected, as the chip above the figures says it."""
    return page.locator(".stMarkdownBadge").filter(has_text=text)


def clear(page: Page) -> None:
    press(page, "Clear", exact=True)
    expect(page.get_by_role("button", name="Clear", exact=True)).to_have_count(0)


def path_weights(page: Page, folder: RunFolder, epsilon: float) -> tuple[list[Any], list[Any]]:
    """What a hover says of some blocks of the heatmap, and what it must say by the core."""
    job = EpsilonPathJob.latest(folder, LABEL)
    assert job is not None
    path = job.result(load_models(folder))
    assert path is not None
    means, names = path.means_at(path.nearest_step(epsilon)), [each.modality.obs_names for each in load_models(folder)]
    cells = [each[LABEL] for each in (matched(folder).source_cells, matched(folder).target_cells)]
    said, expected = [], []
    shown = heat_map(page)
    until(lambda: shown.evaluate("m => m.heat.about([0, 0]).length") == 3, "the names of the cells did not arrive")
    for row, column in ((0, 0), (5, 3), (2, 7)):
        *lines, weight = shown.evaluate("(m, at) => m.heat.about(at)", [row, column])
        assert weight.endswith(" × the uniform weight")
        said.append([*lines, float(weight.split()[0])])
        texts = []
        for axis, (order, edges) in enumerate(
            ((means.row_order, means.row_edges), (means.column_order, means.column_edges))
        ):
            at = (row, column)[axis]
            more = int(edges[at + 1] - edges[at]) - 1
            first = names[axis][cells[axis][order[edges[at]]]]
            texts.append(f"{first} and {more} more cells" if more else str(first))
        expected.append([*texts, float(f"{float(np.float32(means.fold[row, column])):.2e}")])
    return said, expected


def dots(page: Page, key: str) -> dict[str, dict[int, float]]:
    """The value of each drawn cell by its row, on each side, as the browser holds it."""
    return {side: values_of(cell_map(page, side, key)) for side in ("source", "target")}


def values_of(shown: Locator) -> dict[int, float]:
    """The value of each drawn cell of a map by its row."""
    read = """m => { const [{places, values, n, look: {span: [low, high]}}] = m.map.ready.sides;
      const value = (cell) => values[cell] === 65535 ? NaN : low + values[cell] / 65534 * (high - low);
      return [Array.from(places.rows), Array.from({length: n}, (_, cell) => value(cell))]; }"""
    until(lambda: shown.evaluate("m => m.map.about(0).length") >= 3, "name, label and value are not said")
    return dict(zip(*shown.evaluate(read), strict=True))
