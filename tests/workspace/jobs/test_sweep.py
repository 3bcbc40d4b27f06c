"""A sweep at work: a folder of runs done one after another, cached, cancelled, gone on with, judged in a table."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from psmatch_core.base import executors
from psmatch_core.base.cores import computing_on
from psmatch_core.base.errors import PsmatchError
from psmatch_core.cli.main import main
from psmatch_core.cli.monitor import report_text
from psmatch_core.cli.sweep import budget_text, sweep_text
from psmatch_core.pipeline.demo_data import demo_recipe
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace import files, results
from psmatch_core.workspace.jobs import sweep as sweep_job
from psmatch_core.workspace.jobs.monitor import MonitorJob
from psmatch_core.workspace.jobs.run import RunJob
from psmatch_core.workspace.jobs.sweep import SweepJob
from psmatch_core.workspace.placed_jobs import jobs_at
from psmatch_core.workspace.queue_order import SHORT_SECONDS
from psmatch_core.workspace.run_folder import CANCELLED, DONE, FAILED, QUEUED, RunFolder, RunStatus
from psmatch_core.workspace.store import RunStore
from psmatch_core.workspace.sweeps.budget import estimate_budget, stage_seconds
from psmatch_core.workspace.sweeps.points import Axis, Sweep
from psmatch_core.workspace.sweeps.table import history, sweep_table
from psmatch_core.workspace.worker import execute
from tests.waiting import ended, until

QUICK = Recipe.from_dict({"classifier": {"kind": "LinearClassifier", "strength": 0.01}})
TWO = Sweep((Axis("matcher.epsilon", (0.05, 0.2)),))


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return RunStore(tmp_path_factory.mktemp("workspace"))


@pytest.fixture(scope="module")
def base(store):
    folder = RunFolder.create(store.runs, demo_recipe(QUICK, "screen"), stop_after="evaluation", name="base")
    assert execute(RunJob(folder), cache=store.stages).state == DONE
    return folder


@pytest.fixture(scope="module")
def swept(store, base):
    folder = SweepJob.create_at(
        store.root / "sweeps" / "20260101-000000-0123456789ab", base.recipe, TWO, base_id=base.id
    )
    assert execute(folder, cache=store.stages).state == DONE
    return folder


def test_the_budget_counts_what_is_used_again(store, base):
    cost = estimate_budget(base, TWO, cache=store.stages)
    assert (cost.n_runs, cost.n_trainings, cost.n_reused) == (2, 1, 1)
    assert cost.seconds is not None
    assert cost.seconds > 0
    more = estimate_budget(base, Sweep((Axis("seed", (0, 1, 2)),)), cache=store.stages)
    assert (more.n_trainings, more.n_reused) == (3, 1)
    assert more.is_same_kind
    other = estimate_budget(base, Sweep((Axis("classifier.kind", ("MLPClassifier",)),)), cache=store.stages)
    assert not other.is_same_kind
    assert "1 already finished and reused" in budget_text(more)


def test_times_of_stages_are_those_of_the_events(base):
    seconds = stage_seconds(base)
    assert {"propensity", "match", "evaluate"} <= set(seconds)
    assert all(value >= 0 for value in seconds.values())


def test_every_run_of_a_sweep_is_a_folder_and_a_row(swept, base):
    table = sweep_table(swept)
    assert list(table["state"]) == [DONE, DONE]
    assert list(table["epsilon"]) == [0.05, 0.2]
    assert table["loss"].nunique() == 1  # the classifier is the same
    assert table["n_effective"].is_monotonic_increasing
    assert table["stability"].between(-1, 1).all()
    assert table["foscttm"].iloc[0] == pytest.approx(results.load_figures(base).foscttm)
    assert [each.id for each in jobs_at(SweepJob, swept.path.parent)] == [swept.id]
    assert "FOSCTTM" in sweep_text(swept)


@pytest.mark.skipif(os.name == "nt", reason="stages are copied there")
def test_runs_of_a_sweep_share_what_they_can(swept, base):
    for stage in ("source_propensity", "target_propensity"):
        assert swept.runs[0].stage_file(stage).samefile(base.stage_file(stage))
    assert swept.runs[0].stage_file("source_halves").samefile(swept.runs[1].stage_file("source_halves"))
    assert not (swept.runs[0].exports / "pairs.csv").exists()


def test_a_finished_sweep_does_nothing_again(swept, store):
    before = [run.stage_file("coupling").stat().st_mtime_ns for run in swept.runs]
    assert execute(swept, cache=store.stages).state == DONE
    assert [run.stage_file("coupling").stat().st_mtime_ns for run in swept.runs] == before


def test_the_runs_of_a_sweep_are_the_same_where_an_executor_computes_them(store, base, swept, tmp_path):
    there = SweepJob.create_at(tmp_path / "sweep", base.recipe, TWO, base_id=base.id)
    with ThreadPoolExecutor(2) as pool, computing_on(pool):
        assert execute(there, cache=store.stages).state == DONE
    here, there = (sweep_table(each)[["run", "epsilon", "loss", "stability", "n_effective"]] for each in (swept, there))
    pd.testing.assert_frame_equal(here, there, rtol=1e-9)


@pytest.mark.parametrize("n_at_once", [1, 2])
def test_runs_of_a_sweep_are_done_at_once_only_on_an_executor(base, tmp_path, monkeypatch, n_at_once):
    """One run uses all cores of this machine, but not those of a cluster."""
    meeting, now, most = threading.Barrier(n_at_once, timeout=60), [], []

    def do(job, **_):
        now.append(job)
        meeting.wait()  # breaks unless so many are there together
        most.append(len(now))
        meeting.wait()
        now.remove(job)
        job.folder.write_status(RunStatus(state=DONE))
        return RunStatus(state=DONE)

    job = SweepJob.create_at(tmp_path / "sweep", base.recipe, TWO, base_id=base.id)
    monkeypatch.setattr(sweep_job, "execute", do)
    with ThreadPoolExecutor(1) as pool, computing_on(pool if n_at_once > 1 else None):
        assert execute(job).state == DONE
    assert most == [n_at_once] * 2


@pytest.mark.parametrize("command", ["sweep {run} --set seed=1,2", "monitor {run}", "leave-out {run} --label A"])
def test_commands_refuse_a_cluster_that_does_not_answer_before_they_begin(base, tmp_path, monkeypatch, capsys, command):
    pytest.importorskip("distributed")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(executors, "CONNECT_SECONDS", 0.2)
    words = command.format(run=base.path).split()
    assert main([*words, "--executor", "dask://127.0.0.1:9"]) == 1
    assert "No dask scheduler answers at 127.0.0.1:9" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_fails_is_a_row_and_the_rest_goes_on(store, base, tmp_path):
    sweep = Sweep((Axis("source_preprocessing.n_components", (0, 50_000)),))
    folder = SweepJob.create_at(tmp_path / "sweep", base.recipe, sweep, stability=False)
    assert execute(folder, cache=store.stages).state == DONE
    table = sweep_table(folder)
    assert list(table["state"]) == [DONE, FAILED]
    assert "components" in table["problem"][1]


def test_a_sweep_of_failures_says_the_first(store, base, tmp_path):
    sweep = Sweep((Axis("source_preprocessing.n_components", (50_000, 60_000)),))
    folder = SweepJob.create_at(tmp_path / "sweep", base.recipe, sweep, stability=False)
    status = execute(folder, cache=store.stages)
    assert status.state == FAILED
    assert "All runs of this sweep failed" in status.problem


def test_a_wrong_option_is_told_before_anything_is_written(base, tmp_path):
    with pytest.raises(PsmatchError, match=r"There is no setting 'matcher\.sharpness'"):
        SweepJob.create_at(tmp_path / "sweep", base.recipe, Sweep((Axis("matcher.sharpness", (1,)),)))
    assert not (tmp_path / "sweep").exists()


def test_a_sweep_waits_for_its_turn_among_all_runs_and_can_be_cancelled(store, base):
    with store.queue.turn("another run", lambda first: None):
        folder = store.start_job(SweepJob.create(store.root, base, TWO))
        until(lambda: "waiting for 1 other run to end" in folder.status().message, lambda: str(folder.status()))
        assert folder.status().state == QUEUED
        assert folder.statuses() == (None, None)
        assert store.cancel(folder.folder).state == CANCELLED
        assert store.queue.n_ahead("nobody") == 1  # its ticket went with it


def test_a_run_started_later_waits_for_a_point_and_not_for_the_whole_sweep(store, base, tmp_path, monkeypatch):
    """Between two points the sweep stands behind whoever has come meanwhile and is due first."""
    monkeypatch.setattr(sweep_job, "expected_seconds", lambda *_, **__: 2 * SHORT_SECONDS)
    folder = SweepJob.create_at(tmp_path / "sweep", base.recipe, TWO, stability=False)
    queue, order = store.queue, []

    def heard(event):
        order.append(event.message.partition(" (")[0])
        if event.message.startswith("run 1") and not later.is_alive() and "later" not in order:
            later.start()
            until(lambda: list(queue.root.glob("*-later.*ticket")), "the later run takes no ticket")

    def go():
        with queue.turn("later", lambda first: None, seconds=SHORT_SECONDS + 1):  # takes no place beside the others
            order.append("later")

    later = threading.Thread(target=go)
    assert execute(folder, cache=store.stages, queue=queue.root, also=heard).state == DONE
    later.join()
    assert order.index("run 1 of 2") < order.index("later") < order.index("run 2 of 2")


@pytest.mark.slow
def test_a_sweep_goes_on_in_a_worker_of_its_own(store, base, swept):
    folder = store.start_job(SweepJob.create(store.root, base, TWO, stability=False))
    ended(folder.folder, state=DONE)
    folder.folder.write_status(RunStatus(state=CANCELLED))
    folder.runs[1].write_status(RunStatus(state=CANCELLED))
    store.start_again(folder.folder)
    assert folder.status().state in (QUEUED, "running", DONE)
    ended(folder.folder, state=DONE)
    assert list(sweep_table(folder)["state"]) == [DONE, DONE]


def test_history_holds_finished_runs_on_the_same_data(store, base):
    other = RunFolder.create(store.runs, demo_recipe(QUICK, "screen"), stop_after="evaluation")
    table, without = history([(base, "base"), (other, "not begun")], base)
    assert list(table["name"]) == ["base"]
    assert without == 0


def test_a_run_is_measured_and_its_report_kept(store, base):
    from psmatch_core.monitor import Monitoring

    first = files.MONITOR_REPORT.read(base)  # every run is measured when it is matched
    assert first.is_measured
    assert first.null is None
    assert execute(MonitorJob.create(base, Monitoring(n_shuffles=2)), cache=store.stages).state == DONE
    report = files.MONITOR_REPORT.read(base)
    assert report.null.n_shuffles == 2
    assert report.agreement == pytest.approx(first.agreement)
    assert report.agreement == pytest.approx(results.load_figures(base).agreement)
    assert "Agreement of the matches" in report_text(report)
    assert "Hidden labels found again" in report_text(report)
    assert MonitorJob.of_run(base).is_done
    assert np.isfinite(report.labels[0].agreement)


def test_a_run_without_a_matching_cannot_be_measured(store):
    folder = RunFolder.create(store.runs, QUICK)
    with pytest.raises(PsmatchError, match="no coupling to judge yet"):
        MonitorJob.create(folder)


def test_a_damaged_report_is_told(store, base):
    (base.path / "monitor.json").write_text("{", encoding="utf-8")
    with pytest.raises(PsmatchError, match=r"monitor\.json of this run is damaged"):
        files.MONITOR_REPORT.read(base)
    (base.path / "monitor.json").unlink()


def test_the_commands_judge_and_sweep_a_folder(base, tmp_path, capsys):
    arguments = [str(base.path), "--quiet", "--cache", str(tmp_path)]
    assert main(["monitor", *arguments, "--shuffles", "0", "--no-stability"]) == 0
    assert "whether the matches can be reproduced was not measured" in capsys.readouterr().out
    assert main(["sweep", *arguments, "--set", "matcher.epsilon=0.05,0.2", "--dry-run"]) == 0
    assert "2 runs, 1 training" in capsys.readouterr().out
    place = ["--out", str(tmp_path / "sweep"), "--no-stability"]
    assert main(["sweep", *arguments, "--set", "matcher.epsilon=0.05,0.2", *place]) == 0
    assert "Rank correlation (Spearman) with FOSCTTM" in capsys.readouterr().out
    assert main(["sweep", str(tmp_path / "sweep"), "--quiet"]) == 0  # nothing is left to do
    (base.path / "monitor.json").unlink()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["monitor", "nowhere"], "holds no run"),
        (["sweep", "nowhere", "--set", "seed=1"], "holds no run"),
    ],
)
def test_commands_say_what_is_missing(arguments, words, capsys):
    assert main(arguments) == 1
    assert words in capsys.readouterr().err
