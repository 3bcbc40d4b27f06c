"""The Monitor page: the verdict first, what can be measured, and runs compared, in every state of a run."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.shell.tables import EMPTY_FIGURE
from psmatch_core.monitor import Monitoring, Verdict
from psmatch_core.workspace import files, results
from psmatch_core.workspace.jobs.monitor import MonitorJob
from psmatch_core.workspace.jobs.sweep import SweepJob, open_sweep
from psmatch_core.workspace.manifest import remove_manifest
from psmatch_core.workspace.run_folder import CANCELLED, DONE, FAILED, RUNNING, RunFolder, RunStatus
from psmatch_core.workspace.store import RunStore
from psmatch_core.workspace.sweeps.points import Axis, Sweep
from psmatch_core.workspace.worker import execute
from tests.pages.conftest import Open, opened, plain_text

SWEEP_ID = "20260101-000000-0123456789ab"


@pytest.fixture
def mine(finished: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty: Open) -> RunFolder:
    """A copy of the finished run in a workspace of its own, whose workers never come to life."""
    monkeypatch.setattr(RunStore, "_spawn", lambda self, folder: None)
    place = tmp_path / "workspace" / "runs" / finished.id
    shutil.copytree(finished.path, place)
    remove_manifest(place)  # tests change its files
    files.MONITOR_REPORT.path(RunFolder(place)).unlink(missing_ok=True)
    shutil.rmtree(place / MonitorJob.place, ignore_errors=True)
    return RunFolder(place)


@pytest.fixture(scope="module")
def measured(finished: RunFolder) -> RunFolder:
    """The finished run with a report."""
    cache = finished.path.parents[1] / "stages"
    assert execute(MonitorJob.create(finished, Monitoring(n_shuffles=3)), cache=cache).state == DONE
    return finished


@pytest.fixture(scope="module")
def swept(measured: RunFolder) -> SweepJob:
    """A finished sweep of the finished run."""
    root = measured.path.parents[1]
    path = root / SweepJob.place / SWEEP_ID
    sweep = Sweep((Axis("classifier.strength", (0.001, 0.01)), Axis("matcher.epsilon", (0.05, 0.2))))
    folder = SweepJob.create_at(path, measured.recipe, sweep, base_id=measured.id)
    assert execute(folder, cache=root / "stages").state == DONE
    return folder


def boxes(app: AppTest) -> str:
    """Verdicts stand in boxes of three colours."""
    return "\n".join(str(each.value) for kind in (app.success, app.warning, app.error) for each in kind)


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def test_before_measuring_the_losses_alone_speak(empty: Open, mine: RunFolder) -> None:
    app = empty("monitor", link=mine.id)
    assert "Use the matches with caution" in boxes(app)
    assert "whether the matches can be reproduced was not measured" in boxes(app)
    assert "Measure again" in labels(app)
    (table,) = [each for each in app.dataframe if "agreement_cells" in each.value]
    assert table.value["agreement_cells"].isna().all()
    assert table.proto.placeholder == EMPTY_FIGURE
    for title in ("Agreement", "Shuffled labels"):
        assert "Not measured" in plain_text(opened(app, f"monitor.tabs.{mine.id}", title))
    assert {metric.label: metric.value for metric in app.metric}["Agreement of the matches"] == "–"


@pytest.mark.parametrize("page", ["monitor", "match", "propensity"])
def test_while_the_matches_are_being_judged_no_verdict_is_shown(empty: Open, mine: RunFolder, page: str) -> None:
    with mine.locked():
        mine.write_status(RunStatus(state=RUNNING, stage="halves", pid=1, started=time.time()))
        app = empty(page, link=mine.id)
    assert not app.exception
    words = plain_text(app)
    assert "Not judged yet" in words
    assert "Use the matches with caution" not in words
    tables = [each.value for each in app.dataframe if "verdict" in each.value]
    assert all(set(table["verdict"]) <= {"not judged yet", Verdict.NOT_MATCHED.value} for table in tables)
    assert tables or page != "match"


def test_pressing_the_button_starts_the_measuring_once(empty: Open, mine: RunFolder) -> None:
    app = empty("monitor", link=mine.id)
    app.button(key=f"measure.{mine.id}").click().run()
    assert not app.exception
    assert MonitorJob.of_run(mine).is_active
    assert "Cancel" in labels(app)
    assert "Measure again" not in labels(app)
    assert "starting the worker" in plain_text(app)


@pytest.mark.parametrize(
    ("state", "words", "button"),
    [
        (CANCELLED, "was cancelled", "Continue"),
        (FAILED, "needs more memory", "Try again"),
        (RUNNING, "stopped unexpectedly", "Start again"),
    ],
)
def test_measuring_that_did_not_end_well_can_be_done_again(
    empty: Open, mine: RunFolder, state: str, words: str, button: str
) -> None:
    job = MonitorJob.create(mine)
    problem = "The measurement needs more memory than this machine has free."
    job.folder.write_status(RunStatus(state=state, problem=problem, hint="Use fewer cells.", pid=1))
    app = empty("monitor", link=mine.id)
    assert words in plain_text(app)
    (again,) = [each for each in app.button if each.label == button]
    again.click().run()
    assert not app.exception
    assert job.is_active


def test_a_measured_run_shows_its_evidence(full: Open, measured: RunFolder) -> None:
    app = full("monitor")
    assert not app.exception
    assert {"Hidden labels found", "Agreement of the matches", "Modalities agree"} <= {
        each.label for each in app.metric
    }
    assert "Measure again" in labels(app)
    tabs = f"monitor.tabs.{measured.id}"
    assert "3 shuffles" in plain_text(opened(app, tabs, "Shuffled labels"))
    assert "not that they are correct" in plain_text(opened(app, tabs, "Agreement"))
    assert "matched without knowing which is which" in plain_text(opened(app, tabs, "Hidden labels"))
    opened(app, tabs, "Label by label")
    table = next(each.value for each in app.dataframe if "verdict" in each.value)
    words = [each.value for each in Verdict]
    levels = [words.index(each) for each in table["verdict"]]
    assert levels == sorted(levels)
    assert len(table) == 13
    # The reasons of the best label stand below the table, and those of all labels, uncut, behind them.
    first = files.MONITOR_REPORT.read(measured).by_label[table["label"].iloc[0]]
    assert all(each in plain_text(app) for each in (*first.reasons, *first.advice))
    why = next(each.value for each in app.dataframe if "reasons" in each.value)
    assert list(why["label"]) == list(table["label"])


@pytest.mark.parametrize("which", ["effects", "unseen"])
def test_the_labels_are_compared_between_the_modalities_when_asked_for(
    full: Open, measured: RunFolder, which: str
) -> None:
    found = {"effects": results.effects_of, "unseen": results.unseen_of}[which](measured)
    app = opened(full("monitor"), f"monitor.tabs.{measured.id}", "Effects")
    assert found.finding() not in plain_text(app)
    app.button(key=f"{which}.{measured.id}").click().run()
    assert not app.exception
    for said in (found.finding(), *found.remarks()):
        assert said in plain_text(app)


def test_losses_can_be_raw(full: Open, measured: RunFolder) -> None:
    app = opened(full("monitor"), f"monitor.tabs.{measured.id}", "Losses")
    (toggle,) = [each for each in app.get("button_group") if each.key == f"raw.{measured.id}"]
    toggle.set_value("raw").run()
    assert not app.exception
    assert "raw held-out loss" in plain_text(app)


def test_what_was_measured_on_another_matching_is_not_shown(empty: Open, mine: RunFolder, measured: RunFolder) -> None:
    report = files.MONITOR_REPORT.read(measured)
    assert report is not None

    files.MONITOR_REPORT.write(mine, replace(report, made_of="another"))
    app = empty("monitor", link=mine.id)
    assert "belong to an earlier matching" in plain_text(app)
    assert "whether the matches can be reproduced was not measured" in boxes(app)


def test_a_report_of_another_version_is_reported(empty: Open, mine: RunFolder) -> None:
    files.MONITOR_REPORT.path(mine).write_text('{"format": 99}', encoding="utf-8")
    app = empty("monitor", link=mine.id)
    assert "written by a later version" in plain_text(app)
    assert "Measure again" in labels(app)


def test_the_budget_stands_before_the_sweep(empty: Open, mine: RunFolder) -> None:
    app = empty("monitor", link=mine.id)
    assert "3 runs, one after another" in plain_text(app).replace("**", "")
    app.text_input(key=f"values.{mine.id}.matcher.epsilon").set_value("0.02, 0.05, 0.1, 0.2").run()
    (start,) = [each for each in app.button if each.label == "Start the sweep (4 runs)"]
    start.click().run()
    assert not app.exception
    (path,) = (mine.path.parents[1] / SweepJob.place).iterdir()
    assert open_sweep(path).sweep.points[0] == {"matcher.epsilon": 0.02}
    assert open_sweep(path).base_id == mine.id
    assert "0 of 4 runs done" in plain_text(app)
    assert "Cancel" in labels(app)


@pytest.mark.parametrize(("values", "words"), [("0.02,,1", "is not an option with values"), ("-1", "above 0")])
def test_wrong_values_are_reported_and_nothing_starts(empty: Open, mine: RunFolder, values: str, words: str) -> None:
    app = empty("monitor", link=mine.id)
    app.text_input(key=f"values.{mine.id}.matcher.epsilon").set_value(values).run()
    assert words in plain_text(app)
    assert not [each for each in app.button if each.label.startswith("Start the sweep")]


def test_a_sweep_is_a_scatter_with_its_rank_correlation(full: Open, swept: SweepJob) -> None:
    app = full("monitor")
    assert "rank correlation" in plain_text(app)
    assert "over 4 runs" in plain_text(app)
    table = next(each.value for each in app.dataframe if "strength" in each.value)
    assert list(table["state"]) == [DONE] * 4
    assert {"loss", "raw_loss", "stability", "n_effective", "cost", "plan_entropy", "foscttm"} <= set(table)
    app.selectbox(key=f"x.{swept.id}").select("stability")
    app.selectbox(key=f"y.{swept.id}").select("rank").run()
    assert not app.exception
    figures = "Agreement of halves of the cells and Rank of the true partner, inflated"
    assert f"{figures}: rank correlation" in plain_text(app)
    tabs = f"compared.tabs.{swept.id}"
    assert "over 4 runs" in plain_text(opened(app, tabs, "Against the truth"))
    assert "metrics over 4 runs" in plain_text(opened(app, tabs, "All against all"))


def test_a_sweep_is_renamed_deleted_and_brought_back(empty: Open, mine: RunFolder) -> None:
    root = mine.path.parents[1] / SweepJob.place
    asked = Sweep((Axis("matcher.epsilon", (0.05, 0.2)),))
    sweep = SweepJob.create_at(root / SWEEP_ID, mine.recipe, asked, base_id=mine.id)
    app = empty("monitor", link=mine.id)
    app.text_input(key=f"sweep.name.{SWEEP_ID}").set_value("how sharp").run()
    app.button(key=f"sweep.rename.{SWEEP_ID}").click().run()
    assert not app.exception
    assert "how sharp" in str(app.selectbox(key=f"compared.{mine.id}").options)
    app.button(key=f"sweep.delete.{SWEEP_ID}").click().run()
    assert not app.exception
    assert not sweep.path.exists()
    assert "The sweep was deleted." in plain_text(app)
    app.button(key="undo.sweep").click().run()
    assert not app.exception
    assert sweep.name == "how sharp"
    assert "The sweep was deleted." not in plain_text(app)


def test_two_sweeps_stand_in_one_picture(full: Open, swept: SweepJob) -> None:
    other = SweepJob.create_at(
        swept.path.with_name(SWEEP_ID[:-1] + "c"), swept.recipe, Sweep((Axis("seed", (0, 1)),)), stability=False
    )
    assert execute(other, cache=swept.path.parents[1] / "stages").state == DONE
    try:
        app = full("monitor")
        app.selectbox(key=next(each.key for each in app.selectbox if str(each.key).startswith("compared."))).select(
            swept.id
        ).run()
        app.multiselect(key=f"beside.{swept.id}").select(other.id).run()
        assert not app.exception
        assert "over 6 runs" in plain_text(app)
        assert app.selectbox(key=f"color.{swept.id}.{other.id}").options[0] == "sweep"
    finally:
        shutil.rmtree(other.path)


def test_all_runs_on_these_data_need_two(full: Open, measured: RunFolder) -> None:
    app = full("monitor")
    app.selectbox(key=f"compared.{measured.id}").select("").run()
    assert not app.exception
    assert "fewer than two finished runs" in plain_text(app)


def test_a_run_of_an_older_version_without_figures_is_counted(empty: Open, mine: RunFolder) -> None:
    (mine.path / "observables.json").unlink()
    app = empty("monitor", link=mine.id)
    assert "1 run on these data, made by an older version" in plain_text(app)


def test_one_point_of_a_sweep_can_be_done_in_full(full: Open, swept: SweepJob, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[object, str]] = []

    def start(self: RunStore, recipe: object, *, stop_after: str = "match", name: str = "") -> RunFolder:
        started.append((recipe, stop_after))
        return swept.runs[0]

    monkeypatch.setattr(RunStore, "start", start)
    app = full("monitor")
    app.selectbox(key=f"take.{swept.id}").select(2)
    app.button(key=f"full.{swept.id}").click().run()
    assert started == [(swept.runs[1].recipe, "match")]


def test_a_run_that_only_trained_leads_to_match(empty: Open, mine: RunFolder) -> None:
    mine.stage_file("coupling").unlink()
    app = empty("monitor", link=mine.id)
    assert "nothing to check" in plain_text(app)
    assert not results.has_coupling(mine)
