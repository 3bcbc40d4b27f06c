"""Results of the command line in the browser: a zip of a run up to the Match page, and a folder of three by path."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (pip install playwright)")

from playwright.sync_api import expect

from pages.shell.text import number
from psmatch_core.pipeline.demo_views import demo_views
from psmatch_core.workspace import files, results
from psmatch_core.workspace.jobs.several import SeveralJob
from psmatch_core.workspace.placed_jobs import jobs_at
from psmatch_core.workspace.run_folder import RunFolder
from psmatch_core.workspace.store import RunStore
from tests.e2e.conftest import ROOT, SCREENSHOTS, Server
from tests.e2e.steps import axe, drawn, fits, go, metric, no_exception, part, picture, press, settle, still, visit

pytestmark = pytest.mark.browser
NAMES = ("RNA", "Protein", "Image")
BOX = "Open a result of the command line or a cluster"
QUICK = ["--set", 'classifier={"kind": "LinearClassifier", "strength": 0.05}', "--quiet"]


@pytest.fixture(scope="module")
def made(server: Server) -> Path:
    """What a person has on a cluster: data files, and the folders that both commands wrote."""
    place = server.roots / "cluster"
    place.mkdir()
    for name, cells in demo_views(n_shared=60, n_own=60).items():
        cells.write_h5ad(place / f"{name}.h5ad")
    _psmatch(place, "match", "RNA.h5ad", "Protein.h5ad", "--out", "my-run")
    _psmatch(place, "match-many", *(f"{name}={name}.h5ad" for name in NAMES), "--out", "my-views")
    return place


def _psmatch(place: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "psmatch_core", *arguments, "--label", "label", *QUICK]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    subprocess.run(command, cwd=place, env=environment, check=True, capture_output=True)


def test_a_zip_of_a_run_is_uploaded_and_read_on_the_match_page(
    server: Server, new_page: Any, made: Path, tmp_path: Path
) -> None:
    archive = shutil.make_archive(str(tmp_path / "my-run"), "zip", made, "my-run")
    page = new_page(width=1280, height=1000)
    visit(page, server.url, "Data")
    page.get_by_text(BOX).click()
    part(page, "upload.result").locator("input[type=file]").set_input_files(archive)
    box = part(page, "result.opened")
    expect(box.get_by_text("Opened from my-run, computed")).to_be_visible()
    settle(page)
    no_exception(page)
    picture(page, SCREENSHOTS / "opened-run.png")

    (entry,) = [each for each in RunStore(server.workspace).entries() if each.name == "my-run"]
    origin, opened = RunFolder(made / "my-run"), RunStore(server.workspace).open(entry.id)
    assert results.load_figures(opened) == results.load_figures(origin)
    expect(page.get_by_text(entry.facts.verdict).first).to_be_visible()
    box.get_by_role("link", name="Match").click()
    expect(page.get_by_role("heading", name="Match", exact=True, level=1)).to_be_visible()
    settle(page)
    drawn(page)
    no_exception(page)
    figures = results.load_figures(origin)
    assert figures is not None
    assert metric(page, "Effective matches per cell") == number(figures.to_dict()["n_effective"], 2)
    for title in ("Monitor", "Export"):
        go(page, title)
        no_exception(page)


def test_a_folder_of_three_is_opened_by_its_path_and_shows_its_figures(
    server: Server, new_page: Any, made: Path
) -> None:
    page = new_page(width=1280, height=1000)
    visit(page, server.url, "Data")
    page.get_by_text(BOX).click()
    still(page)  # what unfolds moves the button under the mouse
    page.get_by_role("textbox", name="Path of the folder or the zip").fill(str(made / "my-views"))
    press(page, "Open the result")
    expect(page.get_by_role("heading", name="RNA → Protein → Image, matched together")).to_be_visible()
    settle(page)
    (job,) = [
        each for each in jobs_at(SeveralJob, server.workspace / SeveralJob.place) if each.folder.job.get("opened")
    ]
    figures = files.SEVERAL_FIGURES.read(job.folder)
    assert figures is not None
    expect(page.get_by_text(figures.answer())).to_be_visible()
    expect(page.get_by_text("Opened from my-views, computed")).to_be_visible()
    no_exception(page)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light")])
def test_the_way_to_open_a_result_and_its_refusal_are_read_on_any_screen(
    server: Server, new_page: Any, made: Path, width: int, scheme: str
) -> None:
    page = new_page(width=width, scheme=scheme)
    visit(page, server.url, "Data")
    page.get_by_text(BOX).click()
    still(page)  # what unfolds moves the button under the mouse
    page.get_by_role("textbox", name="Path of the folder or the zip").fill(str(made / "my-run" / "exports"))
    press(page, "Open the result")
    expect(page.get_by_text("exports holds the exports of a run")).to_be_visible()
    settle(page)
    drawn(page)
    fits(page, f"the box at {width} px")
    assert axe(page) == []
    picture(page, SCREENSHOTS / f"open-result-{width}-{scheme}.png", width=width)
