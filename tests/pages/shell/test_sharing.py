"""Several people on one server: each browser has a key, finds its own runs by it, and opens others' by their links."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from pages.shell import session, sharing, uploads
from pages.shell.session import KEY
from pages.views.export.files import _report
from pages.views.export.pairs import _matched
from psmatch_core.data.readers import DataSpec
from psmatch_core.exploration.selection import Selection
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace.jobs.epsilon_path import EpsilonPathJob
from psmatch_core.workspace.ownership import PersonalStore, hash_owner
from psmatch_core.workspace.run_folder import CANCELLED, DONE, RunFolder, RunStatus
from psmatch_core.workspace.store import RunStore
from tests.pages.conftest import PATIENCE, ROOT, Open, opened, opener, plain_text, texts
from tests.pages.views.data.visitor import csv, hand_over

GONE = DataSpec(path="gone.csv", label_key="label")  # nothing is inspected when a page opens the run
RECIPE = Recipe(source=replace(GONE, name="RNA"), target=replace(GONE, name="ADT"))
Visit = Callable[..., AppTest]


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Visit:
    """Visits of browsers to a shared server; ``address`` holds what stands behind the question mark."""
    opener(tmp_path / "workspace", monkeypatch)
    monkeypatch.setenv(sharing.SHARED_VARIABLE, "1")
    monkeypatch.setattr(RunStore, "_spawn", lambda self, folder: folder.write_status(RunStatus(state=DONE)))

    def visit(page: str = "data", **address: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "main.py"), default_timeout=PATIENCE)
        app.query_params.update(address)
        app.run()
        if page != "data":
            app.switch_page(f"pages/{page}.py").run()
        assert not app.exception
        return app

    return visit


def key_of(app: AppTest) -> str:
    found = app.query_params[KEY]
    return found if isinstance(found, str) else found[0]


def store_of(app: AppTest, tmp_path: Path) -> PersonalStore:
    return PersonalStore(tmp_path / "workspace", owner=hash_owner(key_of(app)))


def content(root: Path) -> dict[Path, int]:
    """Every file and folder below, with the time at which it was written."""
    return {path: path.stat().st_mtime_ns for path in root.rglob("*")}


def keys(app: AppTest) -> set[str]:
    return {each.key for each in app.button if each.key}


def test_each_browser_has_its_own_key_and_every_page_keeps_it(shared: Visit) -> None:
    first, second = shared(), shared()
    assert key_of(first) != key_of(second)
    before = key_of(first)
    first.switch_page("pages/match.py").run()
    assert key_of(first) == before
    assert key_of(shared(key=before)) == before


@pytest.mark.parametrize("guess", ["me", "x" * 33, "é" * 32])
def test_a_key_that_others_could_guess_is_not_taken(shared: Visit, guess: str) -> None:
    assert key_of(shared(key=guess)) not in (guess, "")


def test_runs_are_listed_for_whoever_made_them_or_holds_the_link(shared: Visit, tmp_path: Path) -> None:
    ada, bob = shared(), shared()
    run = store_of(ada, tmp_path).start(RECIPE, name="ada's run")
    store_of(ada, tmp_path).annotate(run, "for the talk")
    assert f"delete.{run.id}" in keys(ada.run())
    assert "ada's run" not in texts(bob.run()).replace("\\", "")
    assert not any(run.id in key for key in keys(bob))
    guest = shared(key=key_of(bob), run=run.id)
    assert f"open.{run.id}" in keys(guest)
    assert not {f"delete.{run.id}", f"rename.{run.id}", f"annotate.{run.id}"} & keys(guest)
    assert "for the talk" in texts(guest)
    assert "belongs to somebody else" in texts(guest)


def test_a_guest_reads_everything_and_is_offered_nothing_that_changes_the_run(
    full: Open, finished: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The finished run belongs to nobody on a shared server, so whoever opens it holds its link."""
    monkeypatch.setenv(sharing.SHARED_VARIABLE, "1")
    monkeypatch.setattr(EpsilonPathJob, "latest", lambda *_: None)  # another test may have solved plans of this run
    before = content(finished.path)
    monitor = full("monitor")
    assert f"measure.{finished.id}" not in keys(monitor)
    assert "To measure again, press “Copy to my runs” above" in plain_text(monitor)
    translate = opened(full("translate"), f"translate.tabs.{finished.id}", "Leave a perturbation out")
    assert "Leave it out" not in [each.label for each in translate.button]
    match = full("match")
    opened(match, f"match.tabs.{finished.id}", "One label")
    assert "To adjust epsilon for this label, press" in plain_text(match)
    match.session_state[f"selected.{finished.id}"] = Selection("source", np.arange(5), "drawn")
    opened(match, f"match.tabs.{finished.id}", "Linked maps")
    assert "To save selections with it, press" in plain_text(match)
    assert f"selection.save.{finished.id}" not in keys(match)
    export = full("export")
    links = [each.value for each in export.code if finished.id in each.value]
    assert links
    assert not any(KEY in each for each in links)
    assert full("data").session_state["workspace"].run_id == finished.id
    guest = replace(finished, is_read_only=True)
    assert _report(guest).read().startswith(b"<!DOCTYPE html>")
    assert _matched(guest, finished.recipe.exports, "best").read(6) == b"MuData"
    assert content(finished.path) == before


def test_a_guest_copies_a_run_and_owns_the_copy(shared: Visit, tmp_path: Path) -> None:
    ada = shared()
    run = store_of(ada, tmp_path).start(RECIPE, name="ada's run")
    guest = shared("match", run=run.id)
    assert not [key for key in keys(guest) if key.startswith(("cancel.", "again."))]
    guest.button(key="copy.run").click().run()
    assert not guest.exception
    assert "belongs to somebody else" not in texts(guest)
    (copied,) = store_of(guest, tmp_path).entries()
    assert copied.id != run.id
    assert guest.query_params["run"] in (copied.id, [copied.id])


def test_only_the_owner_is_offered_to_restart(shared: Visit, tmp_path: Path) -> None:
    ada = shared()
    run = store_of(ada, tmp_path).start(RECIPE)
    run.write_status(RunStatus(state=CANCELLED))
    assert f"again.{run.id}" in keys(shared("match", key=key_of(ada), run=run.id))
    assert f"again.{run.id}" not in keys(shared("match", run=run.id))


def test_a_deleted_run_of_another_looks_like_one_that_never_was(shared: Visit, tmp_path: Path) -> None:
    ada, store = shared(), RunStore(tmp_path / "workspace")
    run = store_of(ada, tmp_path).start(RECIPE, name="ada's run")
    store_of(ada, tmp_path).delete(run)
    assert f"restore.{run.id}" in keys(ada.run())
    gone, never = shared(run=run.id), shared(run="20260101-000000-000000000000")
    assert [each.value for each in gone.error] == [each.value for each in never.error] != []
    assert texts(gone) == texts(never)
    assert store.deleted()


def test_the_link_to_pass_on_holds_the_run_and_not_the_key(shared: Visit, tmp_path: Path) -> None:
    ada = shared()
    run = store_of(ada, tmp_path).start(RECIPE)
    app = shared(key=key_of(ada), run=run.id)
    (link,) = [each.value for each in app.sidebar.code]
    assert link.endswith(f"?run={run.id}")
    assert key_of(ada) not in link


def test_uploads_of_a_key_lie_together_and_the_key_is_not_on_disk(shared: Visit, tmp_path: Path) -> None:
    ada, bob = shared(), shared()
    again = shared(key=key_of(ada))
    for app in (ada, bob, again):
        hand_over(app, "source", "rna.csv", csv(["A", "B"] * 12))
    folders = {app.session_state["uploads"] for app in (ada, bob, again)}
    assert len(folders) == 2
    assert ada.session_state["uploads"] == again.session_state["uploads"]
    names = [str(path) for path in (tmp_path / "workspace").rglob("*")]
    texts_ = [path.read_text(errors="replace") for path in (tmp_path / "workspace").rglob("*.json")]
    assert not [each for each in (*names, *texts_) if key_of(ada) in each]


def test_the_path_of_an_upload_opens_it_for_nobody(
    shared: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another's upload, one's own, and a file that is not there get the same answer."""
    monkeypatch.setenv(uploads.ROOTS_VARIABLE, str(tmp_path))
    ada, bob = shared(), shared()
    hand_over(ada, "source", "rna.csv", csv(["A", "B"] * 12))
    (path,) = (tmp_path / "workspace" / "uploads").rglob("rna.csv")
    answers = set()
    for app in (ada, bob):
        for typed in (path, path.with_name("no.csv")):
            app.text_input(key="path.target.0").set_value(str(typed)).run()
            app.button(key="open.target").click().run()
            answers |= {each.value.replace("no\\.csv", "rna\\.csv") for each in app.error}
    assert len(answers) == 1


def test_on_a_laptop_one_person_sees_all(empty: Open, tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "workspace" / "runs", RECIPE, name="from the command line")
    app = empty()
    assert KEY not in app.query_params
    assert {f"open.{run.id}", f"delete.{run.id}"} <= keys(app)
    assert "key" not in json.dumps([each.value for each in app.sidebar.caption])


@pytest.mark.parametrize(
    ("address", "is_local"),
    [
        ("localhost", True), ("127.0.0.1", True), ("127.8.9.1", True), ("::1", True), ("[::1]", True), ("", False),
        ("0.0.0.0", False), ("::", False), ("10.0.0.4", False), ("lab.example", False),
        ("localhost.evil.example", False), ("unix://app.sock", False),
    ],
)  # fmt: skip
def test_a_server_that_others_reach_is_shared(monkeypatch: pytest.MonkeyPatch, address: str, is_local: bool) -> None:
    monkeypatch.setattr(sharing.st, "get_option", lambda name: {"server.address": address or None}[name])
    for name in (sharing.SHARED_VARIABLE, sharing.SECRET_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    assert sharing.is_shared() is not is_local
    monkeypatch.setenv(sharing.SECRET_VARIABLE, "a long secret of the lab")
    assert sharing.is_shared()
    monkeypatch.setenv(sharing.SHARED_VARIABLE, "0")
    assert not sharing.is_shared()


def test_a_plain_store_is_for_a_laptop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "is_shared", lambda: False)
    assert type(session.store()) is RunStore
