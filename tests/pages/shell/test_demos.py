"""A demo opens finished: computed once a workspace, copied for each visitor, waited for where it is not ready."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pages.shell import demos
from psmatch_core.workspace.manifest import MANIFEST_LOCK, OF_PROCESSES
from psmatch_core.workspace.run_folder import DONE, FAILED, RunFolder
from psmatch_core.workspace.store import RunStore
from tests.pages.conftest import Open, texts

pytestmark = pytest.mark.usefixtures("nothing_shipped")


def template(workspace: Path, finished: RunFolder, monkeypatch: pytest.MonkeyPatch, **status: object) -> RunFolder:
    """Put a finished run where the demo's own would lie."""
    monkeypatch.setenv("PSMATCH_WORKSPACE", str(workspace))
    runs = demos._store("screen").runs
    shutil.copytree(finished.path, runs / finished.id)
    return RunFolder(runs / finished.id)


def test_a_demo_opens_finished_in_one_click(
    empty: Open, finished: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = template(tmp_path / "workspace", finished, monkeypatch)
    app = empty()
    app.button(key="demo.screen").click().run()
    assert not app.exception
    assert "This demo is finished" in texts(app)
    (mine,) = RunStore(tmp_path / "workspace").runs.iterdir()
    assert app.query_params["run"] in (mine.name, [mine.name])
    assert mine.name != made.id  # a copy: deleting it leaves the demo for the next visitor
    app.switch_page("pages/match.py").run()
    assert {metric.label: metric.value for metric in app.metric}["Labels matched"] == "13 of 13"


def test_a_demo_that_is_not_ready_says_so_and_opens_by_itself(
    empty: Open, finished: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RunStore, "_spawn", lambda self, folder: None)  # a worker that takes its time
    app = empty()
    app.button(key="demo.screen").click().run()
    assert "It opens automatically when it is finished" in texts(app)
    assert "run" not in app.query_params
    store = demos._store("screen")
    (entry,) = store.entries()
    shutil.rmtree(store.runs / entry.id)
    shutil.copytree(finished.path, store.runs / entry.id)
    app.run()
    assert "This demo is finished" in texts(app)
    assert "run" in app.query_params


def test_a_demo_that_cannot_be_computed_says_what_to_do(
    empty: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RunStore, "_spawn", lambda self, folder: None)
    app = empty()
    app.button(key="demo.screen").click().run()
    store = demos._store("screen")
    folder = store.open(store.entries()[0].id)
    folder.write_status(type(folder.status())(state=FAILED, problem="No space is left.", hint="Free some."))
    app.run()
    assert not app.exception
    assert "No space is left" in texts(app)
    assert "press Train" in texts(app)


def test_an_adopted_run_is_whole_and_its_own(finished: RunFolder, tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    one, other = store.adopt(finished), store.adopt(finished)
    assert len({one.id, other.id, finished.id}) == 3
    assert one.status().state == DONE
    assert {entry.id for entry in store.entries()} == {one.id, other.id}
    assert one.job["name"] == finished.job["name"]
    theirs = {path.name for path in finished.path.rglob("*")} - set(OF_PROCESSES)
    assert {path.name for path in one.path.rglob("*")} - {MANIFEST_LOCK} == theirs
