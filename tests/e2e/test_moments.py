"""Unusual states in the browser, by content and by axe-core: running, cancelled, failed, old, full."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (pip install playwright)")

from playwright.sync_api import Page, expect

from pages.shell.navigation import PAGES
from psmatch_core.workspace.run_folder import CANCELLED, DONE, FAILED, RunFolder
from psmatch_core.workspace.store import RunStore
from tests import moments
from tests.e2e.conftest import SCREENSHOTS, Server
from tests.e2e.steps import axe, drawn, go, no_exception, part, picture, press, settle, step, upload, visit
from tests.waiting import ended

pytestmark = pytest.mark.browser
SMALL_DISK = 48  # MB: one small run fits, a hundred do not
LATER = [(name, title) for name, (title, _) in PAGES.items() if name != "data"]


def check_look(page: Page, name: str, problems: list[str]) -> None:
    """Keep a picture of a screen, and what axe-core finds on it."""
    no_exception(page)
    problems += [f"{name}: {each}" for each in axe(page)]
    picture(page, SCREENSHOTS / f"moment_{name}.png")


@pytest.fixture(scope="module")
def small(server: Server) -> RunFolder:
    """A finished run with a label of three cells."""
    store = RunStore(server.workspace)
    folder = store.start(moments.small_label(server.roots / "small"), name="a small label")
    ended(folder, state=DONE)
    return folder


@pytest.fixture
def slow_run(server: Server) -> Iterator[RunFolder]:
    """A run that is at work, and ends with its test: the runs of the next tests wait for none of this one."""
    store = RunStore(server.workspace)
    folder = store.start(moments.slow(server.roots / "slow"), name="it takes its time")
    yield folder
    store.cancel(folder)


def test_at_work_and_after_a_cancel(server: Server, new_page: Any, slow_run: RunFolder) -> None:
    page = new_page()
    problems: list[str] = []
    for name, title in LATER:
        visit(page, f"{server.url}/{name}?run={slow_run.id}", title)
        expect(page.get_by_role("button", name="Cancel")).to_be_visible()
        expect(page.get_by_text("training the propensity models")).to_be_visible()
        expect(page.get_by_text("You can close this page; the run continues")).to_be_visible()
        if name in ("propensity", "match"):
            expect(page.get_by_role("strong").filter(has_text="label entropy 1.10")).to_be_visible()
            expect(page.get_by_role("button", name="Train" if name == "propensity" else "Match")).to_be_disabled()
        else:
            expect(page.get_by_text("This page will show")).to_be_visible()
        if name in ("propensity", "monitor"):
            check_look(page, f"at_work_{name}", problems)
    press(page, "Cancel")
    ended(slow_run, state=CANCELLED)
    for name, title in LATER:
        go(page, title)
        shown = page.get_by_role("alert").filter(
            has_text="This run was cancelled while training the propensity models."
        )
        expect(shown).to_be_visible()
        expect(page.get_by_role("button", name="Continue")).to_be_visible()
        if name != "propensity":
            expect(page.get_by_role("link", name="Change its settings on Propensity")).to_be_visible()
        if name in ("propensity", "export"):
            check_look(page, f"cancelled_{name}", problems)
    assert not problems, "\n".join(problems)


def test_failed_and_what_to_change(server: Server, new_page: Any) -> None:
    folder = RunStore(server.workspace).start(moments.failing(server.roots / "failing"), name="it failed")
    ended(folder, state=FAILED)
    page = new_page()
    problems: list[str] = []
    for name, title in (("match", "Match"), ("evaluate", "Evaluate")):
        visit(page, f"{server.url}/{name}?run={folder.id}", title)
        shown = page.get_by_role("alert").filter(has_text="This run failed while selecting and scaling features.")
        expect(shown).to_contain_text("Choose at most 7 components.")
        check_look(page, f"failed_{name}", problems)
    page.get_by_role("link", name="Change its settings on Data").click()
    expect(page.get_by_role("heading", name="Data", exact=True, level=1)).to_be_visible()
    assert not problems, "\n".join(problems)


def test_of_another_version(server: Server, new_page: Any, small: RunFolder) -> None:
    store = RunStore(server.workspace)
    old = moments.of_earlier_layout(moments.copied(store, small, name="of old"))
    unread = moments.of_other_files(moments.copied(store, small, name="of other files"))
    other = moments.of_other_settings(moments.copied(store, small, name="of other settings"))
    page = new_page()
    problems: list[str] = []
    visit(page, f"{server.url}/translate?run={old.id}", "Translate")
    expect(page.get_by_text("Made by version 0.0.9 of psmatch")).to_be_visible()
    check_look(page, "old_translate", problems)
    visit(page, f"{server.url}/match?run={unread.id}", "Match")
    expect(page.get_by_role("alert").filter(has_text="written by another version of the program")).to_be_visible()
    check_look(page, "other_files_match", problems)
    visit(page, f"{server.url}/match?run={other.id}", "Match")
    expect(page.get_by_role("alert").filter(has_text="has no option temperature")).to_be_visible()
    check_look(page, "other_settings_match", problems)
    press(page, "Load its files with the current settings")
    go(page, "Data")
    step(page, "Labels")
    expect(page.get_by_role("strong").filter(has_text="RNA and Protein share 4 labels")).to_be_visible()
    assert not problems, "\n".join(problems)


def test_one_side_alone_and_a_search_that_finds_nothing(
    server: Server, new_page: Any, small: RunFolder, tmp_path: Path
) -> None:
    page = new_page()
    problems: list[str] = []
    visit(page, server.url, "Data")
    upload(page, "source", moments.table(tmp_path / "rna.csv", ("control", "JAK2") * 10, prefix="RNA"))
    for _, title in LATER:
        go(page, title)
        expect(
            page.get_by_text("rna.csv is loaded as the source; there is no file for the target yet.")
        ).to_be_visible()
    check_look(page, "one_side", problems)
    page.get_by_role("link", name="Load the target on Data").click()
    expect(page.get_by_role("heading", name="Data", exact=True, level=1)).to_be_visible()

    wide = RunStore(server.workspace).start(
        moments.recipe_of(server.roots / "wide", ("control", "JAK2") * 20, n_features=60), name="many features"
    )
    ended(wide)
    visit(page, f"{server.url}/translate?run={wide.id}", "Translate")
    field = page.get_by_label("Find a feature")
    field.fill("no such gene")
    field.press("Enter")
    expect(page.get_by_text("contains no such gene.")).to_be_visible()
    settle(page)
    check_look(page, "nothing_found", problems)
    press(page, "Show all again")
    expect(page.get_by_text("contains no such gene.")).to_have_count(0)
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    assert not problems, "\n".join(problems)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, so small that it is soon full."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}m", "tmpfs", str(place)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here (root only); tests/base/test_disk.py tests the core of it")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_the_disk_is_full(small_disk: Path, new_page: Any, tmp_path: Path) -> None:
    server = Server(small_disk / "workspace", tmp_path)
    server.start()
    try:
        store = RunStore(server.workspace)
        recipe = moments.small_label(tmp_path / "small")
        kept, gone = (store.start(recipe, name=name) for name in ("kept", "to be deleted"))
        for folder in (kept, gone):
            ended(folder, state=DONE)
        fill(small_disk / "ballast")
        _walk_full(server, new_page(), kept, gone, tmp_path)
        assert "Traceback" not in server.log.read_text(), server.log.read_text()[-4000:]
    finally:
        server.stop()


def fill(ballast: Path) -> None:
    """Write until nothing fits any more."""
    with open(ballast, "wb", buffering=0) as stream:
        try:
            while True:
                stream.write(b"x" * 65536)
        except OSError:
            return


def _walk_full(server: Server, page: Page, kept: RunFolder, gone: RunFolder, place: Path) -> None:
    problems: list[str] = []
    for name, (title, _) in PAGES.items():
        visit(page, f"{server.url}/{name if name != 'data' else ''}?run={kept.id}", title)
        expect(page.get_by_role("alert").filter(has_text="The disk of the workspace is full")).to_be_visible()
        no_exception(page)
        if name in ("data", "match"):
            drawn(page)
            check_look(page, f"full_{name}", problems)
    go(page, "Match")
    press(page, "Match again")
    told = page.get_by_role("alert").filter(has_text="could not be written. → Free space")  # in a tab of its own too
    expect(told.first).to_be_visible()
    go(page, "Data")
    settle(page)
    other = moments.table(place / "other.csv", ("control", "JAK2") * 400, prefix="RNA")
    part(page, "upload.source").locator("input[type=file]").set_input_files(str(other))
    expect(page.get_by_role("alert").filter(has_text="other.csv could not be written")).to_be_visible()
    settle(page)
    part(page, f"more.{gone.id}").get_by_role("button").first.click()
    press(page, "Delete this run")
    empty = page.get_by_role("button", name="Permanently remove 1 deleted run")
    expect(empty).to_be_visible()
    settle(page)
    empty.click()
    expect(empty).to_have_count(0)
    settle(page)
    assert not gone.path.exists()
    assert RunStore(server.workspace).deleted() == []
    no_exception(page)
    assert not problems, "\n".join(problems)
