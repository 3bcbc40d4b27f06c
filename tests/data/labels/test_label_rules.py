"""Label rules: rename, leave out, keep only, thin; nothing is lost without a record."""

import numpy as np
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.checks.label_column import count_labels, label_texts
from psmatch_core.data.labels.label_rules import LabelRules, reconcile_by_rules
from psmatch_core.pipeline.inputs import prepare_inputs
from tests.conftest import make_modality

SOURCE = {"NT": 40, "STAT1": 30, "MYC": 20, "Doublet": 9}
TARGET = {"negcon": 50, "STAT1": 12, "MYC": 11, "Doublet": 8}


def sides(n=90, labels=("A", "B", "C", "Doublet")):
    return make_modality("RNA", n=n, labels=labels), make_modality("ADT", n=n, labels=labels, seed=1)


def test_a_label_of_both_sides_is_left_out_and_counted():
    report = reconcile_by_rules(LabelRules(leave_out=("Doublet",)), SOURCE, TARGET)
    assert report.shared == ("STAT1", "MYC")
    assert report.left_out == (("Doublet", 9, 8),)
    assert "Doublet" not in report.source_counts


def test_notes_speak_of_the_sizes_of_labels_as_they_are_after_the_rules():
    guides = tuple(f"{gene}_g{i}" for gene in ("MYC", "JAK2") for i in range(10))
    source, target = make_modality("RNA", n=60, labels=guides), make_modality("ADT", labels=("MYC", "JAK2"), seed=1)
    with pytest.raises(PsmatchError, match=r"or accept suggestions \(guides\)"):
        prepare_inputs(LabelRules(), source, target)
    rules = LabelRules(rename_source=tuple((each, each.partition("_")[0]) for each in guides))
    assert "PM-L10" in {each.code for each in source.findings}
    assert "PM-L10" not in str(prepare_inputs(rules, source, target).notes)
    few = LabelRules(rename_source=(*rules.rename_source[1:], ("MYC_g0", "JAK2_g")))
    assert "1 label has too few cells (under 5): JAK2_g (3 cells)" in str(prepare_inputs(few, source, target).notes)


def test_rules_speak_of_labels_after_renaming():
    rules = LabelRules(rename_target=(("negcon", "NT"),), keep_only=("NT", "MYC"))
    report = reconcile_by_rules(rules, SOURCE, TARGET)
    assert report.shared == ("NT", "MYC")
    assert {label for label, _, _ in report.left_out} == {"STAT1", "Doublet"}


def test_counts_are_of_cells_that_are_left_after_thinning():
    report = reconcile_by_rules(LabelRules(maximum_cells=25, leave_out=("Doublet",)), SOURCE, TARGET)
    assert report.source_counts == {"NT": 25, "STAT1": 25, "MYC": 20}
    assert report.target_counts == {"negcon": 25, "STAT1": 12, "MYC": 11}
    assert report.left_out == (("Doublet", 9, 8),)  # as many as the files have


def test_rules_that_do_nothing_change_nothing():
    report = reconcile_by_rules(LabelRules(), SOURCE, TARGET)
    assert (report.left_out, report.source_counts, report.target_counts) == ((), SOURCE, TARGET)


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (LabelRules(leave_out=("doublets",)), "labels.leave_out names 1 label that neither modality has: doublets"),
        (LabelRules(keep_only=("MYC", "STAT1", "JAK2")), "labels.keep_only names 1 label that neither modality has"),
        (LabelRules(rename_source=(("negcon", "NT"),)), "labels.rename_source names 1 label that RNA does not have"),
        (LabelRules(rename_target=(("NT", "x"),)), "labels.rename_target names 1 label that ADT does not have: NT"),
    ],
)
def test_a_rule_on_a_label_that_does_not_exist_is_told(rules, words):
    report = reconcile_by_rules(rules, SOURCE, TARGET, source_name="RNA", target_name="ADT")
    (found,) = [each for each in report.findings if each.code == "PM-L27"]
    assert words in found.problem
    assert ("did you mean Doublet?" in found.hint) == ("doublets" in found.problem)


def test_a_cap_below_the_minimum_is_refused():
    with pytest.raises(PsmatchError, match=r"labels.maximum_cells is 3, fewer than labels.minimum_cells \(5\)"):
        LabelRules(minimum_cells=5, maximum_cells=3)


def test_every_cell_left_out_is_listed_with_its_reason():
    source, target = sides()
    rules = LabelRules(leave_out=("Doublet",), maximum_cells=10)
    prepared = prepare_inputs(rules, source, target)
    for before, after in ((source, prepared.source), (target, prepared.target)):
        assert sorted([*after.obs_names, *(cell for cell, _ in after.excluded)]) == sorted(before.obs_names)
        assert after.label_counts == {"A": 10, "B": 10, "C": 10}
        reasons = dict(after.excluded)
        doublets = before.obs_names[before.labels == "Doublet"]
        assert {reasons[cell] for cell in doublets} == {"its label Doublet is left out (labels.leave_out)"}
        others = set(reasons) - set(doublets)
        assert {reasons[cell] for cell in others} == {"its label has more than 10 cells, and others were drawn"}
        assert f"{after.name}: cells left out by labels.leave_out or labels.keep_only: Doublet (22)." in prepared.notes
        assert f"{after.name}: {len(others)} cells left out so that no label has more than 10" in str(prepared.notes)


def test_the_draw_follows_the_seed_and_each_side_draws_for_itself():
    source, target = sides()

    def drawn(seed):
        both = prepare_inputs(LabelRules(maximum_cells=10), source, target, seed=seed)
        return both.source.obs_names.tolist(), both.target.obs_names.tolist()

    assert drawn(0) == drawn(0)
    assert drawn(0) != drawn(1)
    rows = [np.isin(side.obs_names, names) for side, names in zip((source, target), drawn(0), strict=True)]
    assert not np.array_equal(*rows)


def test_the_draw_of_a_label_does_not_depend_on_other_labels():
    source, target = sides()
    whole = prepare_inputs(LabelRules(maximum_cells=10), source, target).source
    less = prepare_inputs(LabelRules(maximum_cells=10, leave_out=("Doublet",)), source, target).source
    assert set(less.obs_names) == set(whole.obs_names[whole.labels != "Doublet"])


def test_renaming_twice_is_renaming_once():
    labels = ("STAT1_g1", "STAT1_g2", "NT_1")
    rules = LabelRules(rename_source=(("NT_1", "NT"),))
    rules = rules.with_renaming("source", {"STAT1_g1": "STAT1", "STAT1_g2": "STAT1"}, labels)
    rules = rules.with_renaming("source", {"STAT1": "stat", "NT": "control"}, labels)
    assert rules.renaming("source") == {"STAT1_g1": "stat", "STAT1_g2": "stat", "NT_1": "control"}
    back = rules.with_renaming("source", {"control": "NT_1"}, labels)
    assert "NT_1" not in back.renaming("source")


def test_cells_of_a_run_are_not_given_the_rules_again():
    rules = LabelRules(
        rename_source=(("a", "b"),), leave_out=("x",), keep_only=("b",), minimum_cells=3, maximum_cells=9
    )
    assert rules.for_prepared_cells() == LabelRules(minimum_cells=3)


def test_an_older_recipe_without_these_rules_opens():
    old = {"kind": "LabelRules", "rename_source": [], "rename_target": [["a", "A"]], "unshared": "refuse"}
    assert LabelRules.from_dict({**old, "minimum_cells": 2}) == LabelRules(
        rename_target=(("a", "A"),), unshared="refuse", minimum_cells=2
    )


def test_one_label_that_is_left_is_refused():
    with pytest.raises(PsmatchError, match="share only one label"):
        prepare_inputs(LabelRules(leave_out=("A", "B", "Doublet")), *sides())


def test_the_missing_integer_of_r_is_no_label():
    for column in (np.array([0, 1, -(2**31)]), np.array(["a", "b", "-2147483648"]), np.array([0.0, 1.0, -(2.0**31)])):
        counted = count_labels(column)
        assert (len(counted.counts), counted.n_missing) == (2, 1)
        assert label_texts(column)[2] is None
