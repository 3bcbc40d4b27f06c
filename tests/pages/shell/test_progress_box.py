"""The progress box of runs and other jobs: running, failed, cancelled or lost, it says what happens and what to do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from psmatch_core.pipeline.demo_data import demo_recipe
from psmatch_core.pipeline.leave_out import LeaveOut
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace import files
from psmatch_core.workspace.job import Job
from psmatch_core.workspace.jobs.epsilon_path import EpsilonPathJob
from psmatch_core.workspace.jobs.leave_out import LeaveOutJob
from psmatch_core.workspace.jobs.monitor import MonitorJob
from psmatch_core.workspace.run_folder import CANCELLED, FAILED, LOST, RUNNING, RunFolder, RunStatus
from psmatch_core.workspace.store import RunStore
from tests.pages.conftest import Open, opened, plain_text, texts


@pytest.fixture
def unstarted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nothing_shipped: None) -> RunStore:
    """A store whose workers never come to life, and no demo that comes finished."""
    monkeypatch.setattr(RunStore, "_spawn", lambda self, folder: None)
    return RunStore(tmp_path / "workspace")


def started(store: RunStore, **status: object) -> RunFolder:
    folder = store.start(demo_recipe(Recipe(), "screen"), name="mine")
    folder.write_status(replace(folder.status(), **status))  # type: ignore[arg-type]
    return folder


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def test_a_waiting_run_says_what_it_does_and_can_be_cancelled(empty: Open, unstarted: RunStore) -> None:
    app = empty("propensity", link=started(unstarted).id)
    assert "Cancel" in labels(app)
    assert "starting the worker" in texts(app)


def test_a_failed_run_says_what_to_change(empty: Open, unstarted: RunStore) -> None:
    folder = started(unstarted, state=FAILED, problem="RNA: 90 components were asked for.", hint="Choose at most 59.")
    app = empty("propensity", link=folder.id)
    shown = app.error[0].value.replace("\\", "")
    assert "RNA:" in shown
    assert "90 components were asked for." in shown
    assert "Choose at most 59." in shown
    assert "Try again" in labels(app)
    assert "Train" in labels(app)


@pytest.mark.parametrize("page", ["propensity", "match", "translate", "evaluate", "export"])
def test_a_cancelled_run_can_go_on(empty: Open, unstarted: RunStore, page: str) -> None:
    folder = started(unstarted, state=CANCELLED)
    app = empty(page, link=folder.id)
    assert "was cancelled" in texts(app)
    (again,) = [button for button in app.button if button.label == "Continue"]
    again.click().run()
    assert not app.exception
    assert folder.status().is_active


def test_a_worker_that_died_is_reported(empty: Open, unstarted: RunStore) -> None:
    folder = started(unstarted, state=RUNNING, pid=1)
    assert folder.status().state == LOST
    app = empty("match", link=folder.id)
    assert "stopped unexpectedly" in texts(app)
    assert "Start again" in labels(app)
    shown = [(each.type, str(getattr(each, "value", ""))) for each in app.main]
    (failure,) = [at for at, (_, text) in enumerate(shown) if "stopped unexpectedly" in text]
    assert failure < [kind for kind, _ in shown].index("selectbox")  # what happened stands above the settings


def test_train_starts_a_run_that_the_address_carries(empty: Open, unstarted: RunStore) -> None:
    app = empty()
    app.button(key="demo.screen").click().run()
    app.switch_page("pages/propensity.py").run()
    app.button(key="train").click().run()
    assert not app.exception
    (folder,) = unstarted.runs.iterdir()
    assert app.query_params["run"] in (folder.name, [folder.name])
    assert RunFolder(folder).job["stop_after"] == "propensity"
    assert RunFolder(folder).job["name"] == "RNA → Image, scores only"
    assert app.button(key="train").disabled


def test_a_preset_sets_classifier_and_matcher(empty: Open, unstarted: RunStore) -> None:
    app = empty()
    app.button(key="demo.screen").click().run()
    app.switch_page("pages/propensity.py").run()
    (preset,) = [each for each in app.selectbox if each.label == "Preset"]
    preset.select("paper").run()
    assert not app.exception
    app.switch_page("pages/match.py").run()
    app.button(key="match").click().run()
    (folder,) = unstarted.runs.iterdir()
    data = RunFolder(folder).recipe.to_dict()
    paper = Recipe.preset("paper").to_dict()
    assert data["classifier"] == paper["classifier"]
    assert data["matcher"] == paper["matcher"]


@pytest.mark.parametrize("kind", ["NeighborMatcher", "ExactMatcher", "UniformMatcher", "KnownPairsMatcher"])
def test_every_matcher_can_be_chosen(empty: Open, unstarted: RunStore, kind: str) -> None:
    app = empty()
    app.button(key="demo.screen").click().run()
    app.switch_page("pages/match.py").run()
    (method,) = [each for each in app.selectbox if each.label == "Method"]
    from psmatch_core.matching import matchers

    method.select(getattr(matchers, kind)).run()
    assert not app.exception
    app.button(key="match").click().run()
    (folder,) = unstarted.runs.iterdir()
    assert RunFolder(folder).recipe.to_dict()["matcher"]["kind"] == kind


def test_a_deleted_run_is_gone_from_list_and_address(empty: Open, unstarted: RunStore) -> None:
    folder = started(unstarted, state=CANCELLED)
    app = empty(link=folder.id)
    app.button(key=f"delete.{folder.id}").click().run()
    assert not app.exception
    assert "run" not in app.query_params
    assert unstarted.entries() == []
    assert (unstarted.root / "deleted" / folder.id).is_dir()
    app.button(key=f"restore.{folder.id}").click().run()
    assert not app.exception
    assert [entry.id for entry in unstarted.entries()] == [folder.id]
    assert unstarted.deleted() == []


@pytest.fixture
def matched(finished: RunFolder, unstarted: RunStore) -> RunFolder:
    """A finished run in the store whose workers never come to life."""
    return unstarted.adopt(finished)


def jobs_of(run: RunFolder) -> dict[str, Job]:
    """One job of each kind that a page shows in a box, by the page."""
    return {
        "monitor": MonitorJob.create(run),
        "translate": LeaveOutJob.create(run, "STAT1", LeaveOut()),
        "match": EpsilonPathJob.create(run, run_label(run)),
    }


def run_label(run: RunFolder) -> str:
    """The label that the Match page shows first: the largest."""
    return str(files.LABELS.read(run).sort_values("n_source")["label"].iloc[-1])


def page_of(empty: Open, run: RunFolder, page: str) -> AppTest:
    app = empty(page, link=run.id)
    return opened(app, f"translate.tabs.{run.id}", "Leave a perturbation out") if page == "translate" else app


@pytest.mark.parametrize("page", ["monitor", "translate", "match"])
def test_every_job_has_the_same_box(empty: Open, unstarted: RunStore, matched: RunFolder, page: str) -> None:
    job = jobs_of(matched)[page]
    app = page_of(empty, matched, page)
    assert f"{job.title}: starting the worker" in plain_text(app)
    app.button(key=f"cancel.{job.folder.queue_name}").click().run()
    assert job.status().state == CANCELLED
    app = page_of(empty, matched, page)
    assert f"{job.title} was cancelled." in plain_text(app)
    app.button(key=f"again.{job.folder.queue_name}").click().run()
    assert not app.exception
    assert job.is_active


@pytest.mark.parametrize("page", ["monitor", "translate", "match"])
def test_a_failed_job_says_why_and_can_be_tried_again(
    empty: Open, unstarted: RunStore, matched: RunFolder, page: str
) -> None:
    job = jobs_of(matched)[page]
    job.folder.write_status(RunStatus(state=FAILED, problem="It needs more memory.", hint="Use fewer cells."))
    app = page_of(empty, matched, page)
    assert f"{job.title} failed. It needs more memory." in plain_text(app)
    assert "Use fewer cells." in plain_text(app)
    (again,) = [button for button in app.button if button.label == "Try again"]
    again.click().run()
    assert not app.exception
    assert job.is_active
