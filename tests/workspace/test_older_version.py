"""A workspace of version 0.1.0 opens as it did: every figure that version read from its files is read again.

``tests/fixtures/make_workspace_0_1_0.py`` says how the workspace was made.
"""

import json
import tarfile
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest

from psmatch_core.base.config import REMOVED
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.setting_words import kind_title
from psmatch_core.monitor.run_figures import FIGURES
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.report import write_report
from psmatch_core.translation.translators import Translator
from psmatch_core.workspace import files, predictions, results, selections
from psmatch_core.workspace.compare import compare_runs
from psmatch_core.workspace.jobs import JOBS, job_in
from psmatch_core.workspace.jobs.epsilon_path import EpsilonPathJob
from psmatch_core.workspace.jobs.leave_out import LeaveOutJob
from psmatch_core.workspace.jobs.monitor import MonitorJob
from psmatch_core.workspace.jobs.score_map import ScoreMapJob
from psmatch_core.workspace.jobs.several import SeveralJob
from psmatch_core.workspace.jobs.sweep import SweepJob
from psmatch_core.workspace.new_cells import load_one
from psmatch_core.workspace.placed_jobs import jobs_at
from psmatch_core.workspace.run_folder import DONE
from psmatch_core.workspace.store import RunStore
from psmatch_core.workspace.sweeps.table import history, sweep_table

ARCHIVE = Path(__file__).parents[1] / "fixtures" / "workspace-0.1.0.tar.xz"
# The figures of the comparison in that version, in its order.
COMPARED = (
    "loss_source", "entropy_source", "accuracy_source", "error_source", "loss_target", "entropy_target",
    "accuracy_target", "error_target", "labels_matched", "labels_attention", "n_effective", "foscttm", "rank",
    "trace_fold", "r2", "energy_target_to_source", "energy_source_to_target", "seconds",
)  # fmt: skip
DIRECTIONS = ("target_to_source", "source_to_target")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    root = tmp_path_factory.mktemp("older")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(root, filter="data")
    return RunStore(root)


@pytest.fixture(scope="module")
def expected(store):
    return json.loads((store.root / "expected.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def run(store, expected):
    return store.open(expected["runs"]["paired"])


@pytest.fixture(scope="module")
def unpaired(store, expected):
    return store.open(expected["runs"]["unpaired"])


@pytest.fixture(scope="module")
def sweep(store, expected):
    (found,) = jobs_at(SweepJob, store.root / "sweeps")
    assert found.id == expected["sweep"]
    return found


@pytest.fixture(scope="module")
def models(run):
    return results.load_models(run)


@pytest.fixture(scope="module")
def coupling(run, models):
    return results.load_matching(run, models)


def same(found, expected):
    """Equal, whatever was plain data: numbers to rounding, NaN equal to NaN."""
    if isinstance(expected, dict):
        assert set(expected) <= set(found)
        for key, value in expected.items():
            same(found[key], value)
    elif isinstance(expected, list):
        found = found.tolist() if isinstance(found, np.ndarray) else list(found)
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            same(one, other)
    elif isinstance(expected, float):
        assert (pd.isna(found) and np.isnan(expected)) or found == pytest.approx(expected, rel=1e-6, abs=1e-9)
    else:
        assert found == expected


def without_median_over_labels(figures):
    """The figures of the comparison but one, which had the name of another: today it is the median over cells."""
    return {name: value for name, value in figures.items() if name != "n_effective"}


def without_pooled_r2(figures):
    """The figures but R² of pooled labels, which this version does not show: it hardly depends on the matching."""
    return {name: value for name, value in figures.items() if name not in ("r2", "pooled_r2", "uniform_r2")}


def columns(table):
    return {str(name): table[name].tolist() for name in table}


def test_the_list_of_runs_and_their_states(store, run, unpaired, sweep, expected):
    assert {entry.name: entry.state for entry in store.entries()} == {"paired": DONE, "unpaired": DONE}
    found = [run, unpaired, sweep, *sweep.runs]
    assert [each.status().state for each in found] == expected["states"]
    assert len(run.events()) == expected["n_events"]


def test_the_recipe(run, expected):
    recipe = expected["recipe"]
    for removed in REMOVED:
        for part in (each for each in recipe.values() if isinstance(each, dict)):
            if part["kind"] == removed.partition(".")[0]:
                part.pop(removed.partition(".")[2])
    same(run.recipe.to_dict(), recipe)


def test_models_and_coupling(models, coupling, expected):
    same([model.validation_loss for model in models], expected["losses"])
    same(coupling.n_effective, expected["n_effective"])
    assert [status.outcome.name for status in coupling.statuses] == expected["outcomes"]
    same(coupling[expected["first_label"]["name"]].rows(0, 2), expected["first_label"]["rows"])


def test_evaluation_and_tables(run, unpaired, expected):
    same(vars(files.EVALUATION.read(run)), without_pooled_r2(expected["evaluation"]))
    compared = files.DISTRIBUTIONS.read(unpaired)
    same({direction: each.to_dict() for direction, each in compared.items()}, expected["distributions"])
    same(columns(files.LABELS.read(run)), expected["label_table"])
    same(columns(files.EVALUATION_CELLS.read(run)), expected["evaluation_cells"])
    judged = set(expected["evaluation_cells"]["label"])
    assert set(files.EVALUATION_LABELS.read(run)["label"]) == judged
    assert files.INPUTS.read(run).source.n_cells == len(expected["n_effective"])
    assert "JAK2" in files.LABEL_REPORT.read(run).shared
    for each in (files.NOTES, files.ENVIRONMENT):
        assert each.read(run) is not None


def test_figures_of_a_run(run, expected):
    found = results.load_figures(run).to_dict()
    same(found, without_pooled_r2(expected["observables"]))
    same(found, without_pooled_r2(without_median_over_labels(expected["figures"])))


def test_the_monitor_report_says_that_its_verdicts_followed_other_rules(run):
    """The measurement itself is still listed; its verdicts cannot stand beside those of today."""
    job = MonitorJob.of_run(run)
    assert job.is_done
    with pytest.raises(PsmatchError, match="an earlier version, whose verdicts followed other rules"):
        job.result()


def test_maps(run, expected):
    for method, positions in expected["maps"].items():
        same(files.SCORE_MAP.read(run, which=method).source_xy, positions)


def test_predictions_and_translators(run, models, expected):
    inputs = dict(zip(DIRECTIONS, results.load_modalities(run), strict=True))
    for direction in DIRECTIONS:
        found = predictions.load_predictions(run, direction)
        same(found.features, expected["predictions"][direction]["features"])
        same(found.predicted[:2], expected["predictions"][direction]["first"])
        cells = inputs[direction]
        for fitted in (files.TRANSLATOR.read(run, which=direction), load_one(run.exports, direction)):
            same(fitted.predict(cells.X[:2], cells.var_names), expected["translators"][direction])
        same(columns(files.TRANSLATION_R2.read(run, which=direction)), expected["feature_r2"][direction])
    for side, names in expected["columns"].items():
        assert list(files.COLUMNS.read(run, which=side).columns) == names


def test_the_path_of_epsilon(run, models, expected):
    told = expected["path"]
    found = EpsilonPathJob.current(run, told["label"]).result(models)
    same(found.values, told["values"])
    same(found.n_effective[:, :3], told["n_effective"])
    same(found.foscttm, told["foscttm"])
    same([point.cost for point in found.points], told["costs"])


def test_the_left_out_label(run, expected):
    (job,) = LeaveOutJob.jobs_of(run)
    found = job.result()
    assert found.label == job.label == expected["left_out"]["label"]
    same(dict(found.shift_explained), expected["left_out"]["explained"])
    same(columns(found.table()), expected["left_out"]["table"])


def test_named_selections(run, coupling, expected):
    (found,) = selections.load_selections(run, coupling)
    assert found.name == expected["selection"]["name"]
    assert found.names(coupling).tolist() == expected["selection"]["cells"]


def test_the_sweep_and_the_history(store, run, unpaired, sweep, expected):
    same(columns(sweep_table(sweep)), without_pooled_r2(expected["sweep_table"]))
    assert sweep.base_id == run.id
    table, without = history([(run, "paired"), (unpaired, "unpaired")], run)
    assert (list(table["name"]), without) == (["paired"], 0)  # other data: they lack the pairs


def test_runs_side_by_side(run, unpaired, expected):
    found, told = compare_runs([run, unpaired]), expected["comparison"]
    assert list(found.names) == told["names"]
    assert found.settings.T.to_dict("list") == {  # the words of the form; that version had names of the code
        "Method: epsilon": [f"{value:g}" for value in told["settings"]["matcher.epsilon"]],
        "Translator": [kind_title(Translator.kinds()[name]) for name in told["settings"]["translator.kind"]],
        "Source: known pairs": ["cell", "–"],
        "Target: known pairs": ["cell", "–"],
    }
    names = results.side_names(run)
    shown = {name: found.figures.loc[FIGURES[name].axis(**names)].tolist() for name in COMPARED if name in FIGURES}
    told_figures = dict(zip(COMPARED, told["figures"], strict=True))
    same(shown, without_pooled_r2(without_median_over_labels(told_figures)))


def test_exports_and_the_report(run, expected, tmp_path):
    assert sorted(each.name for each in run.exports.iterdir()) == expected["exports"]
    assert Recipe.read(run.exports / "recipe.json").matcher == run.recipe.matcher
    for path in run.exports.glob("*.h5ad"):
        assert anndata.read_h5ad(path).n_obs > 0
    assert write_report(run, tmp_path / "report.html").stat().st_size > 10_000


def test_a_copy_of_the_run_is_adopted(store, run):
    adopted = store.adopt(run)
    assert results.load_models(adopted)[0].validation_loss == results.load_models(run)[0].validation_loss
    store.delete(adopted)


def test_the_kind_of_every_job_is_recognized(run, sweep):
    """Version 0.1.0 did not write the kind of a job."""
    jobs = [run, EpsilonPathJob.jobs_of(run)[0], LeaveOutJob.jobs_of(run)[0], MonitorJob.of_run(run), sweep]
    folders = [run, *(job.folder for job in jobs[1:]), *sweep.runs]
    assert not any("kind" in folder.job for folder in folders)
    found = [job_in(folder).kind for folder in folders]
    assert found == ["run", "epsilon_path", "leave_out", "monitor", "sweep", "run", "run"]
    assert set(found) == set(JOBS) - {ScoreMapJob.kind, SeveralJob.kind}  # which that version did not have
