"""Translate: leave a perturbation out by the real worker, and distances where no pair is known."""

from __future__ import annotations

import pytest

from pages.shell.distributions import MEASURES
from pages.views.translate.leave_out import BY_NAME, control_choices
from psmatch_core.base import disk
from psmatch_core.data.names.controls import OTHERS
from psmatch_core.pipeline.leave_out import LeaveOut
from psmatch_core.workspace.jobs.leave_out import LeaveOutJob
from psmatch_core.workspace.run_folder import DONE, RunFolder
from psmatch_core.workspace.store import RunStore
from tests.pages.conftest import Open, opened, texts
from tests.plotting.test_left_out_label import compared
from tests.waiting import ended


@pytest.fixture(scope="module")
def job(finished: RunFolder) -> LeaveOutJob:
    """A label left out of the finished run, done by the real worker."""
    store = RunStore(finished.path.parents[1])
    job = store.start_job(LeaveOutJob.create(finished, "STAT1", LeaveOut()))
    ended(job, state=DONE)
    return job


def test_a_left_out_label_is_shown_beside_its_baselines(full: Open, finished: RunFolder, job: LeaveOutJob) -> None:
    app = opened(full("translate"), f"translate.tabs.{finished.id}", "Leave a perturbation out")
    text = texts(app).replace("\\", "")
    assert "not used for training" in text
    assert "Control: control." in text
    shown = {metric.label: metric for metric in app.metric}
    assert float(shown["Shift explained"].value) > 0.5
    assert "uniform" in shown["Shift explained"].delta
    assert any("candidate" in each.value.columns and len(each.value) == 5 for each in app.dataframe)
    app.selectbox(key=f"left.candidate.{job.id}").select("uniform").run()
    assert not app.exception


def test_a_job_is_no_run_of_the_list(finished: RunFolder, job: LeaveOutJob) -> None:
    store = RunStore(finished.path.parents[1])
    assert job.id not in {entry.id for entry in store.entries()}
    assert LeaveOutJob.jobs_of(finished)[0] == job


def test_the_only_control_is_refused_on_the_page(full: Open, finished: RunFolder) -> None:
    before = LeaveOutJob.jobs_of(finished)
    app = opened(full("translate"), f"translate.tabs.{finished.id}", "Leave a perturbation out")
    (label,) = [each for each in app.selectbox if each.label == "Label to leave out"]
    label.select("control")
    (button,) = [each for each in app.button if each.label == "Leave it out"]
    button.click().run()
    assert not app.exception
    assert "is the only control" in texts(app).replace("\\", "")
    assert LeaveOutJob.jobs_of(finished) == before


@pytest.mark.parametrize(
    ("labels", "first"),
    [(["JAK2", "NT", "STAT1"], BY_NAME), (["stim|B", "ctrl|B"], BY_NAME), (["JAK2", "STAT1"], OTHERS)],
)
def test_a_control_by_its_name_is_offered_only_where_there_is_one(labels: list[str], first: str) -> None:
    choices = control_choices(labels)
    assert choices[0] == first
    assert set(choices) - {BY_NAME} == {*labels, OTHERS}


def test_distances_stand_beside_the_floor_where_no_pair_is_known(full: Open, finished: RunFolder) -> None:
    found = compared()
    data = {"target_to_source": found.to_dict(), "source_to_target": found.to_dict()}
    disk.write_json(finished.path / "distributions.json", data)
    try:
        app = full("evaluate")
    finally:
        (finished.path / "distributions.json").unlink()
    assert "Translated and observed cells" in [each.value for each in app.subheader]
    shown = {metric.label: metric for metric in app.metric}
    assert {title for title, _ in MEASURES.values()} <= set(shown)
    deltas = [metric.delta for metric in app.metric if metric.label == "Divergence (KL)"]  # later ones: left out
    assert deltas[0].startswith("uniform ∞, floor ")
    assert "Wasserstein-1 is exact" in texts(app)
