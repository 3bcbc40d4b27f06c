"""Three files of a lab, matched together in the browser: loaded, matched, read, downloaded; and the demo of three."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (pip install playwright)")

import mudata
from playwright.sync_api import expect

from psmatch_core.pipeline.demo_views import demo_views
from psmatch_core.pipeline.match_modalities import match_modalities
from psmatch_core.pipeline.several_figures import several_figures
from psmatch_core.pipeline.several_inputs import read_files
from psmatch_core.workspace import files
from psmatch_core.workspace.jobs.several import SeveralJob
from psmatch_core.workspace.placed_jobs import jobs_at
from psmatch_core.workspace.run_folder import DONE
from tests.e2e.conftest import SCREENSHOTS, Server
from tests.e2e.steps import axe, choose, drawn, fits, no_exception, picture, press, settle, step, upload, visit
from tests.waiting import ended

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore:From 0.4 .update:FutureWarning", "ignore:Cannot join columns"),
]
SIDES = {"source": "RNA", "target": "Protein", "third": "Image"}


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files of the synthetic screen in three views, smaller, by side."""
    place = tmp_path_factory.mktemp("views")
    views = demo_views(n_shared=60, n_own=60)
    for name, cells in views.items():
        cells.write_h5ad(place / f"{name}.h5ad")
    return {side: place / f"{name}.h5ad" for side, name in SIDES.items()}


def test_three_files_are_matched_together_and_downloaded(
    server: Server, new_page: Any, three: dict[str, Path], tmp_path: Path
) -> None:
    page = new_page(width=1440, height=1000)
    visit(page, server.url, "Data")
    for side in ("source", "target"):
        upload(page, side, three[side])
    page.get_by_text("Add a third modality").click()
    upload(page, "third", three["third"])
    expect(page.get_by_text("120 cells × 60 features")).to_be_visible()
    step(page, "Labels")
    expect(page.get_by_text("labels of 13 are in all three.").or_(page.get_by_text("13 labels of 13"))).to_be_visible()
    press(page, "Match all three")
    expect(page.get_by_role("heading", name="RNA → Protein → Image, matched together")).to_be_visible()

    (job,) = jobs_at(SeveralJob, server.workspace / SeveralJob.place)
    ended(job.folder, state=DONE)
    expect(page.get_by_text("Each pair of modalities")).to_be_visible()
    settle(page)
    figures = files.SEVERAL_FIGURES.read(job.folder)
    assert figures is not None
    expect(page.get_by_text(figures.answer())).to_be_visible()
    no_exception(page)

    # what is shown and downloaded is what the core computes from the same files
    expected = several_figures(
        match_modalities(read_files(job.specs), job.folder.recipe, preprocessing=job.preprocessing)
    )
    assert repr(expected.cycle) == repr(figures.cycle)
    with page.expect_download() as started:
        press(page, "matched.h5mu")
    path = tmp_path / "matched.h5mu"
    started.value.save_as(path)
    held = mudata.read_h5mu(path)
    assert list(held.mod) == ["RNA", "Protein", "Image"]
    assert held.n_obs == 120
    picture(page, SCREENSHOTS / "three-modalities.png", width=1440)

    # another visit finds it in the list
    again = new_page()
    visit(again, server.url, "Data")
    again.get_by_role("button", name="Open", exact=True).first.click()
    expect(again.get_by_text(figures.answer())).to_be_visible()
    choose(again, "Pair", "Protein → Image")
    no_exception(again)


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (1440, "dark"), (390, "light")])
def test_the_result_is_read_on_any_screen(server: Server, new_page: Any, width: int, scheme: str) -> None:
    page = new_page(width=width, scheme=scheme)
    visit(page, server.url, "Data")
    again = page.get_by_role("button", name="Open", exact=True).first
    again.click()
    expect(page.get_by_text("Each pair of modalities")).to_be_visible()
    settle(page)
    drawn(page)
    fits(page, f"the result at {width} px")
    assert axe(page) == []
    picture(page, SCREENSHOTS / f"three-modalities-{width}-{scheme}.png", width=width)
