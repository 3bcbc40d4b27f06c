"""Every kind of job: made with its settings, recognized in its folder, started again as it was."""

import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.preprocessing import Preprocessing
from psmatch_core.monitor import Monitoring
from psmatch_core.pipeline.demo_data import SIDE_NAMES, VIEWS, demo_specs
from psmatch_core.pipeline.leave_out import LeaveOut
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace import files
from psmatch_core.workspace.jobs import JOBS, job_in
from psmatch_core.workspace.jobs.epsilon_path import EpsilonPathJob
from psmatch_core.workspace.jobs.leave_out import LeaveOutJob
from psmatch_core.workspace.jobs.monitor import MonitorJob
from psmatch_core.workspace.jobs.run import RunJob
from psmatch_core.workspace.jobs.score_map import ScoreMapJob
from psmatch_core.workspace.jobs.several import SeveralJob
from psmatch_core.workspace.jobs.sweep import SweepJob, open_sweep
from psmatch_core.workspace.run_folder import CANCELLED, DONE, FAILED, QUEUED, RunFolder, RunStatus
from psmatch_core.workspace.store import RunStore
from psmatch_core.workspace.sweeps.points import Axis, Sweep

SPECS = dict(zip(SIDE_NAMES[VIEWS], demo_specs(VIEWS), strict=True))
TWO = Sweep((Axis("matcher.epsilon", (0.05, 0.2)),))


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A workspace whose workers never start."""
    monkeypatch.setattr(RunStore, "_spawn", lambda self, folder: None)
    return RunStore(tmp_path)


@pytest.fixture
def run(store):
    """A run that looks matched."""
    folder = store.start(Recipe(), name="mine")
    for path in (*files.PROPENSITY.paths(folder), *files.COUPLING.paths(folder)):
        path.write_bytes(b"")
    return folder


def one_of_each(store, run):
    how = LeaveOut(direction="source_to_target", control="B")
    return [
        RunJob(run),
        LeaveOutJob.create_at(run.path / LeaveOutJob.place / "20260101-000000-000000000000", Recipe(), "A", how),
        EpsilonPathJob.create(run, "A"),
        MonitorJob.create(run, Monitoring(n_shuffles=3)),
        ScoreMapJob.create(run),
        SweepJob.create(store.root, run, TWO, stability=False),
        SeveralJob.create(store.root, Recipe(), SPECS, {"Image": Preprocessing(normalize="none")}),
    ]


def test_every_kind_is_recognized_in_its_folder_with_its_settings(store, run):
    jobs = one_of_each(store, run)
    assert [job.kind for job in jobs] == list(JOBS)
    for job in jobs:
        assert job.folder.job["kind"] == job.kind
        assert job_in(RunFolder(job.folder.path)) == job
        assert job.title
    _, left_out, path, monitor, umap, sweep, several = [job_in(RunFolder(job.folder.path)) for job in jobs]
    assert (left_out.label, left_out.how.control, left_out.run) == ("A", "B", run)
    assert (path.label, path.run) == ("A", run)
    assert (monitor.monitoring, monitor.run) == (Monitoring(n_shuffles=3), run)
    assert umap.run == run
    assert ScoreMapJob.of_run(run) == umap
    assert (sweep.sweep, sweep.base_id, sweep.has_stability) == (TWO, run.id, False)
    assert (several.specs, several.preprocessing) == (SPECS, {"Image": Preprocessing(normalize="none")})


def test_every_kind_is_started_again_with_its_settings(store, run):
    for job in one_of_each(store, run):
        asked = job.folder.job
        job.folder.write_status(RunStatus(state=CANCELLED))
        store.start_again(job.folder)
        assert job.status().state == QUEUED
        assert job_in(job.folder).folder.job == asked
        job.folder.write_status(RunStatus(state=DONE))


def test_no_two_jobs_share_a_name_in_the_queue(store, run):
    other = store.start(Recipe())
    for path in files.COUPLING.paths(other):
        path.write_bytes(b"")
    names = [job.folder.queue_name for job in (*one_of_each(store, run), MonitorJob.create(other), RunJob(other))]
    assert len(names) == len(set(names))


def test_a_job_of_a_later_version_is_refused(store, run):
    later = RunFolder.create(run.path / "later", Recipe(), kind="oracle")
    with pytest.raises(PsmatchError, match="which this version does not know"):
        job_in(later)


def test_the_newest_job_of_a_label_counts(run):
    first, second = EpsilonPathJob.create(run, "A"), EpsilonPathJob.create(run, "A")
    newest, oldest = sorted((first, second), key=lambda job: job.id, reverse=True)
    assert EpsilonPathJob.jobs_of(run) == [newest, oldest]
    assert EpsilonPathJob.latest(run, "A") == newest
    assert EpsilonPathJob.latest(run, "B") is None
    assert EpsilonPathJob.current(run, "A") == newest
    newest.folder.write_status(RunStatus(state=DONE))
    assert EpsilonPathJob.current(run, "A") == newest
    newest.folder.write_status(RunStatus(state=FAILED))
    assert EpsilonPathJob.current(run, "A") is None  # a page offers to start it again


def test_what_cannot_be_done_makes_no_folder(store):
    empty = store.start(Recipe())
    for create in (MonitorJob.create, ScoreMapJob.create, lambda run: EpsilonPathJob.create(run, "A")):
        with pytest.raises(PsmatchError, match="This run has no"):
            create(empty)
    assert [path.name for path in empty.path.iterdir() if path.is_dir()] == []


def test_a_sweep_in_the_folder_of_another_is_refused(tmp_path):
    """``psmatch sweep … --out FOLDER`` twice: the runs of the first stay, and are no results of the second."""
    first = SweepJob.create_at(tmp_path / "sweep", Recipe(), TWO)
    RunFolder.create_at(first.runs[0].path, Recipe()).write_status(RunStatus(state=DONE))
    with pytest.raises(PsmatchError, match="The folder sweep already holds a run"):
        SweepJob.create_at(tmp_path / "sweep", Recipe(), Sweep((Axis("seed", (1, 2, 3)),)))
    assert [status and status.state for status in open_sweep(tmp_path / "sweep").statuses()] == [DONE, None]
