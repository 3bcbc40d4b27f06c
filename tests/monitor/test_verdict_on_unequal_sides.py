"""The verdict where labels and sides differ in size: whose cells are counted, and which side has the candidates."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.classification.propensity import fit_propensity
from psmatch_core.data.modality import Modality
from psmatch_core.matching.blocks import uniform_block
from psmatch_core.matching.coupling import Outcome
from psmatch_core.matching.match import match
from psmatch_core.monitor import THRESHOLDS, Evidence, Flag, Verdict, judge
from psmatch_core.monitor.stability import LabelStability, Stability
from psmatch_core.monitor.verdict import side_evidence

LABELS = ("A", "B", "C")


def modality(name, sizes, seed):
    """Cells far around the corner of their label, so many of each as asked."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(len(sizes)), sizes)
    X = 4 * np.eye(len(sizes), 6)[y] + rng.normal(size=(y.size, 6))
    obs = pd.DataFrame({"label": np.array(LABELS)[y]}, index=[f"{name}{i}" for i in range(y.size)])
    return Modality.from_anndata(AnnData(X.astype(np.float32), obs=obs), label_key="label", name=name)


def coupling_of(source, target):
    sides = (modality("RNA", source, 1), modality("ADT", target, 2))
    return match(*(fit_propensity(each, LinearClassifier(strength=0.1)) for each in sides))


def halves(**agreement):
    """Both halvings with the agreement of each label, or with one of cells and one of features."""
    pairs = {label: each if isinstance(each, tuple) else (each, each) for label, each in agreement.items()}
    cells, features = (
        Stability(tuple(LabelStability(label, pair[at], 0.5, 1) for label, pair in pairs.items())) for at in (0, 1)
    )
    return Evidence(cells=cells, features=features)


@pytest.fixture(scope="module")
def unequal():
    return coupling_of((100, 12, 10), (12, 100, 10))


def test_labels_count_by_their_source_cells(unequal):
    """A has 100 of 122 source cells, and one of three labels."""
    report = judge(unequal, halves(A=0.9, B=0.0, C=0.0))
    assert report.verdict is Verdict.USE
    assert "82% of the cells are in labels called 'use'" in report.reasons
    assert judge(unequal, halves(A=0.0, B=0.9, C=0.9)).verdict is Verdict.LABEL_ONLY


def test_cells_without_a_plan_are_cells_without_a_match_of_their_own(unequal):
    statuses = tuple(replace(each, outcome=Outcome.FAILED) if each.label == "A" else each for each in unequal.statuses)
    blocks = {label: block for label, block in unequal.blocks.items() if label != "A"}
    report = judge(replace(unequal, statuses=statuses, blocks=blocks), halves(B=0.9, C=0.9))
    assert report.verdict is Verdict.LABEL_ONLY
    assert any(each.startswith("82% of the cells are in labels whose matches say no more") for each in report.reasons)


def test_candidates_of_a_source_cell_are_the_target_cells_of_its_label(unequal):
    uniform = {label: uniform_block(*block.shape) for label, block in unequal.blocks.items()}
    for row in judge(replace(unequal, blocks=uniform), halves(A=0.9, B=0.9, C=0.9)).labels:
        assert row.verdict is Verdict.LABEL_ONLY
        assert f"{row.target.n_cells}.0 effective matches of {row.target.n_cells} candidates" in row.reasons[0]


def test_a_label_with_just_enough_cells_is_not_one_of_few(unequal):
    rows = judge(unequal, halves(A=0.9, B=0.9, C=0.9)).by_label
    assert rows["C"].source.n_cells == rows["C"].target.n_cells == THRESHOLDS.few_cells
    assert Flag.FEW_CELLS not in {each.flag for each in rows["C"].flags}
    fewer = judge(coupling_of((100, 12, 9), (12, 100, 10)), halves(A=0.9, B=0.9, C=0.9)).by_label
    assert "only 9 cells in RNA" in fewer["C"].reasons


@pytest.mark.parametrize("label", ["A", "B"])
def test_the_side_with_fewer_cells_says_what_chance_gives_halves_of_the_features(unequal, label):
    """Both labels have 12 cells on one side and 100 on the other."""
    chance = THRESHOLDS.chance_features / np.sqrt(12)
    assert chance > THRESHOLDS.chance_features / np.sqrt(100)
    agreement = dict.fromkeys(LABELS, 0.9)
    below = judge(unequal, halves(**agreement | {label: (0.9, chance - 0.01)})).by_label[label]
    assert below.verdict is Verdict.LABEL_ONLY
    assert judge(unequal, halves(**agreement | {label: (0.9, chance + 0.01)})).by_label[label].verdict is Verdict.USE


def test_advice_follows_the_halves_that_disagree(unequal):
    rows = judge(unequal, halves(A=(0.0, 0.35), B=(0.35, 0.2), C=(0.2, 0.2))).by_label
    few_features = "its matches rest on few features: try another matrix or more features"
    assert "more cells" in rows["A"].advice
    assert few_features not in rows["A"].advice
    assert few_features in rows["B"].advice
    assert "more cells" not in rows["B"].advice
    assert not {"more cells", few_features} & set(rows["C"].advice)


def test_accuracy_is_of_predictions_of_cells_that_were_held_out(unequal):
    """The scores of the match know every label, those of held-out cells take two of three cells for another one."""
    model = unequal.source
    wrong = np.arange(model.y.size) % 3 > 0
    best = np.where(wrong, (model.y + 1) % 3, model.y)
    model = replace(model, logits=9 * np.eye(3)[model.y], held_out_logits=9 * np.eye(3)[best])
    for label in (None, *LABELS):
        mine = np.ones(wrong.size, dtype=bool) if label is None else model.y == LABELS.index(label)
        assert side_evidence(model, label).accuracy == pytest.approx(1 - wrong[mine].mean())


def test_figures_of_a_report_say_which_halves_they_are_of(unequal):
    evidence = Evidence(
        cells=Stability(tuple(LabelStability(label, 0.6, 0.25, 10) for label in LABELS)),
        features=Stability(tuple(LabelStability(label, 0.2, 0.75, 10) for label in LABELS)),
    )
    report = judge(unequal, evidence)
    assert report.shared_mass == 0.25  # of the halves of the cells
    assert report.figures.agreement == pytest.approx(0.4)
    assert report.figures.stability == 0.6
    assert report.figures.shared_mass == 0.25


def test_the_table_has_the_best_verdicts_first_and_within_them_the_best_agreement(unequal):
    rows = judge(unequal, halves(A=0.5, B=0.9, C=0.7)).table()
    assert rows["label"].tolist() == ["B", "C", "A"]
    not_measured = judge(unequal, halves(A=float("nan"), B=0.02, C=0.05)).table()
    assert not_measured["label"].tolist() == ["C", "B", "A"]
