"""Matchings of three modalities: listed, renamed, deleted, cancelled, begun again, refused; and their demo."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from pages.shell import demos, session, several
from pages.shell.workspace import Workspace
from psmatch_core.base import disk
from psmatch_core.base.errors import PsmatchError
from psmatch_core.workspace import files
from psmatch_core.workspace.jobs.several import SeveralJob
from psmatch_core.workspace.ownership import PersonalStore, hash_owner
from psmatch_core.workspace.placed_jobs import delete_job, own_jobs, rename_job
from psmatch_core.workspace.run_folder import CANCELLED, DONE, FAILED, RunStatus
from psmatch_core.workspace.store import RunStore
from tests.pages.conftest import Open, opener, plain_text
from tests.pages.views.data.three_files import (
    OTHER,
    QUICK,
    figures_of,
    jobs,
    tables,
    three,
)
from tests.pages.views.data.visitor import press
from tests.waiting import ended


def test_the_list_renames_deletes_and_restores(
    done: tuple[Path, SeveralJob], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(done[0], tmp_path / "workspace")
    (job,) = jobs(tmp_path)
    app = opener(tmp_path / "workspace", monkeypatch)()
    assert "Matchings of three modalities and more" in [each.value for each in app.subheader]
    app.text_input(key=f"several.name.{job.id}").set_value("the whole screen").run()
    app.button(key=f"several.rename.{job.id}").click().run()
    assert "the whole screen" in plain_text(app)
    app.button(key=f"several.delete.{job.id}").click().run()
    assert jobs(tmp_path) == []
    assert "The matching was deleted" in plain_text(app)
    press(app, "Undo")
    assert [each.name for each in jobs(tmp_path)] == ["the whole screen"]


@pytest.mark.parametrize("state", [FAILED, CANCELLED])
def test_one_that_ended_early_is_said_and_can_be_started_again(
    empty: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    monkeypatch.setattr(RunStore, "_spawn", lambda self, folder: None)
    app = press(three(empty, OTHER), "Match all three")
    (job,) = jobs(tmp_path)
    assert job.is_active
    (button,) = [each for each in app.button if each.label == "Match all three"]
    assert button.disabled
    job.folder.write_status(RunStatus(state=state, problem="It did not fit.", hint="Use less."))
    app.run()
    assert not app.exception
    assert ("was cancelled" if state == CANCELLED else "It did not fit.") in plain_text(app)
    press(app, "Continue" if state == CANCELLED else "Try again")
    assert job.is_active


def test_it_is_cancelled_from_its_box(empty: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RunStore, "_spawn", lambda self, folder: None)
    app = press(three(empty, OTHER), "Match all three")
    press(app, "Cancel")
    assert jobs(tmp_path)[0].status().state == CANCELLED


def test_a_full_disk_and_a_machine_that_is_too_small_start_nothing(
    empty: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = three(empty, OTHER)
    monkeypatch.setenv("PSMATCH_MEMORY_BUDGET", "100 MB")
    app.run()
    (button,) = [each for each in app.button if each.label == "Match all three"]
    assert button.disabled
    assert "100 MB are allowed" in "".join(each.value for each in app.error).replace("\\", "")
    monkeypatch.delenv("PSMATCH_MEMORY_BUDGET")
    app.run()

    def full(*given: object, **named: object) -> None:
        raise disk.full_disk_error("a file of this matching")

    monkeypatch.setattr(files.RunFile, "write", full)
    press(app, "Match all three")
    assert "The disk is full" in "".join(each.value for each in app.error)
    assert list((tmp_path / "workspace" / SeveralJob.place).iterdir()) == []


def test_another_person_does_not_see_it_listed_and_can_change_nothing(
    done: tuple[Path, SeveralJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, job = done
    bob = PersonalStore(root, owner=hash_owner("bob"))
    monkeypatch.setattr(session, "store", lambda: bob)
    assert own_jobs(bob, SeveralJob) == []
    held = several.current_several(Workspace(several_id=job.id))
    assert held is not None
    assert held.folder.is_read_only
    for change in (
        lambda: rename_job(bob, held, "mine"),
        lambda: delete_job(bob, held),
        lambda: bob.cancel(held.folder),
        lambda: bob.start_again(held.folder),
        lambda: held.folder.write_status(RunStatus(state=FAILED)),
    ):
        with pytest.raises(PsmatchError, match="somebody else"):
            change()
    assert job.is_done
    assert several.current_several(Workspace(several_id="../runs")) is None


@pytest.mark.slow
def test_the_demo_of_three_opens_in_one_click_and_shows_its_truth(
    empty: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, quick = demos.start_several, QUICK.classifier
    monkeypatch.setattr(demos, "start_several", lambda workspace: start(replace(workspace, classifier=quick)))
    app = press(empty(), "Demo: three modalities")
    (job,) = jobs(tmp_path)
    ended(job.folder, state=DONE)
    app.run()
    assert not app.exception
    figures = figures_of(job)
    assert figures.answer() in plain_text(app)
    assert "Against the truth of the demo" in plain_text(app)
    assert "These figures are inflated" in plain_text(app)
    held_out, truth = [each for each in tables(app) if "n_known" in each]
    assert list(held_out["foscttm"]) == [pair.held_out["foscttm"] for pair in figures.pairs]
    assert list(held_out["foscttm_uniform"]) == pytest.approx([0.5] * 3)
    assert list(truth["foscttm"]) == [pair.known["foscttm"] for pair in figures.pairs]
    assert list(truth["foscttm_uniform"]) == pytest.approx([0.5] * 3)
    titles = [frame.proto.columns for frame in app.dataframe if "n_known" in frame.value]
    assert ['"FOSCTTM"' in each for each in titles] == [True, False]  # held-out figures are not inflated
    assert ["inflated" in each for each in titles] == [False, True]
    assert [each for each in app.code if each.value.startswith("psmatch match-many")] == []


@pytest.mark.slow
def test_the_demo_is_computed_once_for_a_person(empty: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RunStore, "_spawn", lambda self, folder: None)
    for _ in range(2):
        press(empty(), "Demo: three modalities")
    assert len(jobs(tmp_path)) == 1


def test_a_demo_that_cannot_be_started_is_told(
    empty: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, nothing_shipped: None
) -> None:
    def refuse(workspace: Workspace) -> SimpleNamespace:
        raise demos.PsmatchError("The disk is full.", hint="Free space.")

    monkeypatch.setattr(demos, "start_several", refuse)
    app = press(empty(), "Demo: three modalities")
    assert "The disk is full." in "".join(each.value for each in app.error).replace("\\", "")
