"""Every run is measured when it is matched; what cannot be measured is missing, and a note says why."""

from dataclasses import replace

import numpy as np
import pytest

from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.classification.propensity import fit_propensity
from psmatch_core.data.modality import Modality
from psmatch_core.matching.matchers import (
    FusedGromovMatcher,
    GromovMatcher,
    KnownPairsMatcher,
    LabeledCootMatcher,
    SharedSpaceMatcher,
    SinkhornMatcher,
    UniformMatcher,
)
from psmatch_core.monitor import Flag, Monitoring, Verdict
from psmatch_core.pipeline.monitor_matching import data_flags, monitor_matching
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.run import run
from tests.monitor.test_hidden_labels import LABELS

RECIPE = Recipe(classifier=LinearClassifier(strength=0.1))


def sides(effects=None, n=20, seed=0):
    """Two modalities of 8 labels with the same effects on different features, and a shared position within labels."""
    rng = np.random.default_rng(seed)
    effects = 1.5 * rng.normal(size=(8, 6)) if effects is None else effects
    y = np.repeat(np.arange(8), n)
    latent = effects[y] + rng.normal(size=(y.size, 6))
    out = []
    for name, d in (("RNA", 30), ("ADT", 24)):
        X = latent @ rng.normal(size=(6, d)) / np.sqrt(6) + 0.3 * rng.normal(size=(y.size, d))
        out.append(modality(name, X, np.array(LABELS)[y], rng))
    return out


def modality(name, X, labels, rng):
    order = rng.permutation(labels.size)
    return Modality(
        name=name,
        X=X[order],
        labels=labels[order],
        obs_names=np.array([f"{name}-{i:03d}x" for i in rng.permutation(labels.size)]),
        var_names=np.array([f"{name}{i}" for i in range(X.shape[1])]),
    )


@pytest.fixture(scope="module")
def measured():
    return run(RECIPE, *sides())


def test_a_run_is_measured_when_it_is_matched(measured):
    report = measured.monitor
    assert report.is_measured
    assert np.isfinite([report.agreement_cells, report.agreement_features]).all()
    assert report.hidden.are_found
    assert not report.modalities.disagree
    assert report.notes == ()
    assert report.count(Verdict.USE) >= 6
    assert report.null is None  # shuffles are asked for


def test_the_table_of_labels_carries_the_verdict(measured):
    table = measured.label_table.set_index("label")
    for row in measured.monitor.labels:
        assert table.loc[row.label, "verdict"] == row.verdict.value
        assert table.loc[row.label, "agreement"] == pytest.approx(row.agreement, nan_ok=True)


def test_shuffles_are_added_when_asked_for(measured):
    cells = (measured.source, measured.target)
    report = monitor_matching(measured.coupling, cells, RECIPE, Monitoring(n_shuffles=2))
    assert report.null.n_shuffles == 2
    assert report.agreement == pytest.approx(measured.monitor.agreement)
    assert report.made_of == measured.monitor.made_of


@pytest.mark.parametrize(
    ("matcher", "why"),
    [
        (SharedSpaceMatcher(), "this method does not match by scores, so other classifiers change nothing"),
        (KnownPairsMatcher(), "this method does not match by scores, so other classifiers change nothing"),
        (GromovMatcher(space="scores"), "matching by this method takes longer than training"),
        (LabeledCootMatcher(), ""),
    ],
)
def test_plans_that_agree_by_construction_are_not_called_reproducible(measured, matcher, why):
    """Shared features give the same plan whatever the classifiers say: an agreement of 1 would mean nothing."""
    recipe = replace(RECIPE, matcher=matcher)
    report = monitor_matching(measured.coupling, (measured.source, measured.target), recipe)
    assert not report.is_measured
    assert report.count(Verdict.USE) == 0
    assert any(why in note for note in report.notes)
    assert any("hidden labels were not looked for" in note for note in report.notes)


def test_what_a_method_matches_by_is_declared():
    assert SinkhornMatcher().uses_scores
    assert UniformMatcher().uses_scores
    assert FusedGromovMatcher().uses_scores
    assert not FusedGromovMatcher(alpha=1, space="features").uses_scores
    assert GromovMatcher(space="scores").uses_scores
    assert not GromovMatcher(space="features").uses_scores
    assert not GromovMatcher().is_quick


def test_a_recipe_can_leave_the_halves_out(measured):
    recipe = replace(RECIPE, monitoring=Monitoring(stability=False))
    report = monitor_matching(measured.coupling, (measured.source, measured.target), recipe)
    assert not report.is_measured
    assert any("the recipe leaves them out" in note for note in report.notes)
    assert report.hidden is not None


def test_a_label_with_one_candidate_is_matched_by_label_only():
    source, target = sides()
    lone = np.flatnonzero(target.labels == "C")[1:]
    few = run(RECIPE, source, target.select(~np.isin(np.arange(target.n_cells), lone), "left out")).monitor.by_label[
        "C"
    ]
    assert few.verdict is Verdict.LABEL_ONLY
    assert few.reasons[0] == "one modality has a single cell of the label, so there is nothing to choose"


def test_where_nothing_could_be_held_out_the_report_says_so_without_a_number():
    source, target = sides(n=1)
    report = run(RECIPE, source, target).monitor
    assert report.verdict is Verdict.LABEL_ONLY
    assert any(reason.endswith("no cell could be held out") for reason in report.reasons)
    assert not any("nan" in reason for reason in report.reasons)


def test_what_gives_a_label_away_is_flagged_in_either_modality():
    source, target = sides()
    X = target.X.copy()
    X[:, 3] = target.labels == "C"
    flags = data_flags((source, replace(target, X=X)))
    assert list(flags) == ["C"]
    assert flags["C"][0].flag is Flag.GIVEN_AWAY
    assert flags["C"][0].detail == "ADT: the feature ADT3 alone tells the label"


def test_single_features_that_carry_a_loss_near_zero_are_named_with_it():
    """Tags of unknown names, with counts in many other cells: nothing is told before training."""
    rng = np.random.default_rng(4)
    source, target = sides(n=40)
    y = np.unique(target.labels, return_inverse=True)[1]
    tags = np.where(rng.random((y.size, 8)) < 0.5, rng.integers(1, 5, (y.size, 8)), 0)
    tags[np.arange(y.size), y] = rng.integers(20, 60, y.size)
    weak = rng.normal(size=target.X.shape)
    for leaks, X in ((True, np.hstack([weak, 3 * np.log1p(tags)])), (False, target.X)):
        names = np.array([f"f{i}" for i in range(X.shape[1])])
        cells = (source, replace(target, X=X, var_names=names))
        models = tuple(fit_propensity(each, RECIPE.classifier) for each in cells)
        flags = data_flags(cells, models)
        assert set(flags) == (set(LABELS) if leaks else set())
        assert set(data_flags(cells)) == set()
        for at, label in enumerate(sorted(flags)):
            assert f"the feature f{weak.shape[1] + at} alone tells the label, and the held-out loss is 0.0" in (
                flags[label][0].detail
            )
