"""A label left out of everything: its prediction beside three baselines; refused where it cannot be judged."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from psmatch_core.base import array_files
from psmatch_core.base.errors import PsmatchError
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.cli.main import main
from psmatch_core.data.labels.label_rules import LabelRules
from psmatch_core.data.modality import Modality
from psmatch_core.data.readers import DataSpec
from psmatch_core.evaluation.compared_cells import Comparing
from psmatch_core.evaluation.distributions import compare_distributions
from psmatch_core.evaluation.held_out import CANDIDATES, load_held_out
from psmatch_core.matching.matchers import KnownPairsMatcher
from psmatch_core.pipeline import leave_out as leave_out_module
from psmatch_core.pipeline.leave_out import LeaveOut, _training_cells, leave_label_out
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.translation.translators import LabelRidgeTranslator, RidgeTranslator
from psmatch_core.workspace.jobs.leave_out import LeaveOutJob
from psmatch_core.workspace.jobs.run import RunJob
from psmatch_core.workspace.run_folder import DONE, RunFolder
from psmatch_core.workspace.worker import execute
from tests.conftest import make_modality, with_ids

LABELS = ("NT", "A", "B", "C", "D", "E")
QUICK = Recipe(
    classifier=LinearClassifier(strength=0.1),
    translator=RidgeTranslator(),
    comparing=Comparing(smallest_label=12, n_neighbors=3),
)


def screen(n=600, seed=0, noise=0.1, shift=1.5):
    """Two linear views of one state that every label but NT shifts in its own direction; the same cells in both."""
    rng = np.random.default_rng(seed)
    label = np.arange(n) % len(LABELS)
    where = rng.normal(size=(len(LABELS), 3)) * shift
    where[0] = 0
    z = where[label] + rng.normal(size=(n, 3))
    sides = []
    for name, d in (("RNA", 7), ("ADT", 5)):
        X = z @ rng.normal(size=(3, d)) + noise * rng.normal(size=(n, d))
        obs = pd.DataFrame({"label": np.array(LABELS)[label]}, index=[f"cell{i}" for i in range(n)])
        var = pd.DataFrame(index=[f"{name}_{i}" for i in range(d)])
        sides.append(
            with_ids(
                Modality.from_anndata(AnnData(X=X.astype(np.float32), obs=obs, var=var), label_key="label", name=name)
            )
        )
    return sides


SIDES = screen()


@pytest.fixture(scope="module")
def found():
    return leave_label_out(QUICK, *SIDES, "A")


def test_a_linear_truth_is_predicted_for_a_label_that_was_never_seen():
    result = leave_label_out(replace(QUICK, matcher=KnownPairsMatcher()), *SIDES, "A")
    assert result.shift_explained["translated"] > 0.95
    assert result.shift_correlation["translated"] > 0.98
    assert result.same_direction(5) == (5, 5)
    assert result.shift_explained["label_mean"] < 0.6


@pytest.mark.parametrize("direction", ["target_to_source", "source_to_target"])
def test_both_directions_name_what_was_read_and_what_was_predicted(direction):
    result = leave_label_out(QUICK, *SIDES, "A", how=LeaveOut(direction=direction))
    to_source = direction == "target_to_source"
    assert (result.input_name, result.output_name) == (("RNA", "ADT") if to_source else ("ADT", "RNA"))
    assert result.predicted.shape == (100, 5 if to_source else 7)
    assert result.shift_explained["translated"] > result.shift_explained["uniform"]
    assert result.shift_explained["no_change"] == pytest.approx(0)


def test_nothing_of_the_label_is_seen_by_what_predicts_it(found):
    """Wild values of its cells in the modality that is predicted leave the prediction as it is."""
    rna, adt = SIDES
    X = adt.X.copy()
    X[adt.labels == "A"] = 50 + 9 * X[adt.labels == "A"]
    again = leave_label_out(QUICK, rna, adt.with_features(X, adt.var_names), "A")
    assert np.allclose(again.predicted, found.predicted, atol=1e-6)
    assert again.means["observed"].mean() > 40


def test_the_metrics_stand_beside_three_baselines_and_a_floor_in_and_out_of_distribution(found):
    assert found.out_of_distribution.candidates == ("translated", "uniform", "label_mean", "no_change", "floor")
    assert [row.label for row in found.out_of_distribution.per_label] == ["A"]
    assert found.in_distribution is not None
    assert {row.label for row in found.in_distribution.per_label} == {"NT", "B", "C", "D", "E"}
    energy = {name: each["energy"] for name, each in found.out_of_distribution.micro.items()}
    assert energy["translated"] < min(energy["uniform"], energy["label_mean"], energy["no_change"])
    assert set(found.summary()["candidate"]) >= {"predicted", "uniform matching", "no change from control"}


@pytest.fixture(scope="module")
def compared():
    """A left-out label, and what was compared: for unseen cells of the label, and for held-out cells of the others."""
    calls = []

    def spied(candidates, labels, observed, *arguments, **settings):
        calls.append((candidates, labels, observed, settings["space"]))
        return compare_distributions(candidates, labels, observed, *arguments, **settings)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leave_out_module, "compare_distributions", spied)
        return leave_label_out(QUICK, *SIDES, "A"), calls


def test_the_space_of_the_comparison_is_that_of_all_observed_cells(compared):
    """Made of training cells only it would not know the directions in which the label differs."""
    for *_, space in compared[1]:
        assert np.allclose(space.mean, SIDES[1].X.mean(axis=0), atol=1e-5)
        assert np.allclose(space.spread, SIDES[1].X.std(axis=0), atol=1e-5)


def test_held_out_cells_are_compared_with_the_mean_of_their_own_label(compared):
    result, ((outside, outside_labels, outside_observed, _), (inside, inside_labels, inside_observed, _)) = compared
    assert set(outside_labels) == set(outside_observed.labels) == {"A"}
    assert np.allclose(outside["label_mean"], result.means["label_mean"])  # A has none: the mean of the others
    assert set(inside_labels) == set(inside_observed.labels) == {"NT", "B", "C", "D", "E"}
    of_label = {name: inside["label_mean"][inside_labels == name] for name in set(inside_labels)}
    for name, rows in of_label.items():
        assert np.allclose(rows, rows[0])
        assert np.allclose(rows[0], SIDES[1].X[SIDES[1].labels == name].mean(axis=0), atol=0.4), name  # 80% of them
    assert np.allclose(np.mean([rows[0] for rows in of_label.values()], axis=0), result.means["label_mean"])
    assert np.allclose(of_label["NT"][0], result.means["no_change"])


def test_means_and_counts_are_those_of_the_training_cells():
    result = leave_label_out(QUICK, *SIDES, "A", how=LeaveOut(held_out_share=0))
    adt = SIDES[1]
    by_label = {name: adt.X[adt.labels == name].mean(axis=0) for name in LABELS}
    assert np.allclose(result.means["no_change"], by_label["NT"], atol=1e-5)
    assert np.allclose(result.means["observed"], by_label["A"], atol=1e-5)
    others = np.mean([mean for name, mean in by_label.items() if name != "A"], axis=0)
    assert np.allclose(result.means["label_mean"], others, atol=1e-5)
    assert np.allclose(result.spread, adt.X[adt.labels != "A"].std(axis=0), atol=1e-5)
    assert (result.n_cells, result.n_observed, result.n_training) == (100, 100, 1000)


def test_features_are_ordered_by_their_observed_shift(found):
    table = found.table()
    assert list(table["shift_observed"].abs()) == sorted(table["shift_observed"].abs(), reverse=True)
    assert set(CANDIDATES) <= set(table.columns)
    control = SIDES[1].X[SIDES[1].labels == "NT"]
    assert np.allclose(found.means["no_change"], control.mean(axis=0), atol=0.4)  # less its held-out share


def test_the_control_is_told_by_name_or_chosen_and_said(found):
    assert found.control == "NT"
    assert any("from 'NT', which has a control's name" in note for note in found.notes)
    chosen = leave_label_out(QUICK, *SIDES, "A", how=LeaveOut(control="B", held_out_share=0))
    assert chosen.control == "B"
    assert chosen.in_distribution is None
    mean = leave_label_out(QUICK, *SIDES, "NT", how=LeaveOut(control="other labels", held_out_share=0))
    assert mean.control == "other labels"
    assert mean.means["no_change"] == pytest.approx(mean.means["label_mean"])


def test_without_a_named_control_shifts_are_against_the_other_labels():
    sides = [side.with_labels({"NT": "F"}) for side in SIDES]
    result = leave_label_out(QUICK, *sides, "A", how=LeaveOut(held_out_share=0))
    assert result.control == "other labels"
    assert any("No label has a control's name" in note for note in result.notes)


def test_a_translator_that_learns_nothing_is_replaced_and_said():
    result = leave_label_out(Recipe(classifier=LinearClassifier(strength=0.1)), *SIDES, "A")
    assert any("cannot predict new cells, so ridge regression is used instead" in note for note in result.notes)


def test_a_translator_that_starts_from_the_mean_of_the_label_is_replaced_and_said():
    result = leave_label_out(replace(QUICK, translator=LabelRidgeTranslator()), *SIDES, "A")
    assert any("cannot predict cells of a label that it never saw, so ridge" in note for note in result.notes)


@pytest.mark.parametrize(
    ("label", "how", "words", "hint"),
    [
        ("NT", LeaveOut(), "'NT' is the only control", "choose 'other labels'"),
        ("Z", LeaveOut(), "RNA has 0 cells of 'Z', but a comparison needs 5", "Choose one of the shared labels"),
        ("A", LeaveOut(control="A"), "'A' is the label that is left out", "Choose one of B"),
        ("A", LeaveOut(control="X"), "'X' is not a shared label", "for their mean"),
    ],
)
def test_what_cannot_be_judged_is_refused_before_work_starts(label, how, words, hint):
    def nothing_may_start(event):
        raise AssertionError(event)

    with pytest.raises(PsmatchError) as caught:
        leave_label_out(QUICK, *SIDES, label, how=how, progress=nothing_may_start)
    assert words in caught.value.problem
    assert hint in caught.value.hint


def test_two_labels_are_too_few():
    sides = [side.select(np.isin(side.labels, ["NT", "A"]), "few") for side in SIDES]
    with pytest.raises(PsmatchError, match="Without 'A' there is only 1 label left"):
        leave_label_out(QUICK, *sides, "A")


def test_saved_and_loaded_it_is_the_same(found, tmp_path):
    again = load_held_out(found.save(tmp_path / "left_out.npz"))
    pd.testing.assert_frame_equal(again.table(), found.table())
    pd.testing.assert_frame_equal(again.summary(), found.summary())
    assert again.predicted == pytest.approx(found.predicted, rel=1e-5)
    assert (again.label, again.control, again.notes, again.settings) == (
        found.label, found.control, found.notes, found.settings,
    )  # fmt: skip
    assert "A left out" in repr(again)
    assert "Most shifted features" in again.report()


def test_another_file_is_refused_by_name(tmp_path):

    array_files.write_arrays(tmp_path / "x.npz", {}, {"a": 1})
    with pytest.raises(PsmatchError, match=r"x\.npz contains no left-out label"):
        load_held_out(tmp_path / "x.npz")


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    """A finished run whose labels B and C had been swapped: doing that twice would undo it."""
    swap = (("B", "C"), ("C", "B"))
    recipe = replace(QUICK, labels=LabelRules(rename_source=swap, rename_target=swap))
    place = tmp_path_factory.mktemp("run")
    for name, side in zip(("source", "target"), SIDES, strict=True):
        adata = AnnData(X=side.X, obs=pd.DataFrame({"label": side.labels}, index=side.obs_names))
        adata.var_names = side.var_names
        adata.write_h5ad(place / f"{name}.h5ad")
    specs = [DataSpec(path=str(place / f"{each}.h5ad"), label_key="label", name=each) for each in ("source", "target")]
    folder = RunFolder.create(place, recipe.with_data(*specs), stop_after="propensity")
    assert execute(RunJob(folder)).state == DONE
    return folder


def test_a_job_takes_the_cells_of_its_run_renamed_labels_included(run_folder):
    job = LeaveOutJob.create(run_folder, "C", LeaveOut(held_out_share=0))
    assert job.result() is None
    assert (job.label, job.how) == ("C", LeaveOut(held_out_share=0))
    assert execute(job).state == DONE
    result = job.result()
    assert result is not None
    assert set(result.obs_names) == set(SIDES[0].obs_names[SIDES[0].labels == "B"])
    assert LeaveOutJob.jobs_of(run_folder) == [job]
    assert json.loads((job.folder.path / "left_out.json").read_text())["label"] == "C"
    assert len(pd.read_csv(job.folder.path / "left_out_features.csv")) == 5


def test_a_job_that_cannot_be_done_makes_no_folder(run_folder):
    before = LeaveOutJob.jobs_of(run_folder)
    with pytest.raises(PsmatchError, match="'NT' is the only control"):
        LeaveOutJob.create(run_folder, "NT", LeaveOut())
    assert LeaveOutJob.jobs_of(run_folder) == before


def test_a_run_without_data_has_nothing_to_leave_out(tmp_path):
    with pytest.raises(PsmatchError, match="This run has no data yet"):
        LeaveOutJob.create(RunFolder.create(tmp_path, QUICK), "A", LeaveOut())


def test_the_command_prints_the_figures_and_where_the_files_are(run_folder, capsys):
    assert main(["leave-out", str(run_folder.path), "--label", "A", "--direction", "source_to_target", "--quiet"]) == 0
    out = capsys.readouterr().out
    assert "A left out: source predicted for 100 target cells (source to target)" in out
    assert "uniform matching" in out
    assert "Most shifted features" in out
    assert main(["leave-out", str(run_folder.path), "--label", "NT", "--quiet"]) == 1
    assert "only control" in capsys.readouterr().err
    assert main(["leave-out", str(run_folder.path), "--label", "A", "--direction", "up", "--quiet"]) == 1
    assert "direction" in capsys.readouterr().err


def test_the_command_reads_a_recipe_and_its_settings(run_folder, capsys, tmp_path):
    arguments = ["--label", "A", "--set", "translator.penalty=1", "--out", str(tmp_path / "out"), "--quiet"]
    assert main(["leave-out", str(run_folder.path / "recipe.json"), *arguments]) == 0
    found = load_held_out(tmp_path / "out" / "left_out.npz")
    assert found.settings["translator"]["penalty"] == 1
    assert "A left out" in capsys.readouterr().out


def test_held_out_cells_are_drawn_from_each_large_label_and_from_no_small_one():
    """Labels of 51, 34, 9 and 10 cells: a fifth of each that has ten."""
    base = make_modality("RNA", n=104, n_features=3)
    cells = replace(base, labels=np.repeat(["A", "B", "few", "ten"], [51, 34, 9, 10]))
    kept = _training_cells(cells, "B", 0.2, seed=0)
    left = pd.Series(cells.labels[~kept]).value_counts().to_dict()
    assert left == {"B": 34, "A": 10, "ten": 2}
    held_out = np.flatnonzero(~kept & (cells.labels == "A"))
    assert held_out.max() > 15  # not those that come first in the file
    assert np.array_equal(kept, _training_cells(cells, "B", 0.2, seed=0))
    assert not np.array_equal(kept, _training_cells(cells, "B", 0.2, seed=1))
    assert not np.array_equal(kept, _training_cells(replace(cells, name="ADT"), "B", 0.2, seed=0))
    assert _training_cells(cells, "few", 0.0, seed=0).sum() == 95
