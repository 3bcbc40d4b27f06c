"""Labels of several modalities compared: in all or not, by whose renaming, and refused where nothing is left."""

from __future__ import annotations

import itertools

import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.labels.label_rules import LabelRules, reconcile_by_rules
from psmatch_core.data.labels.several_labels import (
    _compared,
    check_shared,
    compare_labels,
    look_alikes,
    rules_of_two,
)

FILES = {
    "rna": {"MYC": 9, "STAT1": 8, "JAK2": 7, "only": 3, "few": 5},
    "adt": {"MYC": 4, "STAT1": 5, "JAK2": 6, "few": 1},
    "atac": {"MYC": 5, "STAT1": 3, "new": 2, "few": 4},
}


def test_a_label_is_matched_if_every_modality_has_it_and_else_its_reason_is_said():
    found = compare_labels(LabelRules(minimum_cells=2), FILES)
    assert found.shared == {"MYC", "STAT1"}
    assert dict(found.reasons) == {
        "JAK2": "its label is not in atac",
        "few": "its label has fewer than 2 cells in a modality",
        "new": "its label is not in rna, adt",
        "only": "its label is not in adt, atac",
    }
    by_label = found.table.set_index("label")
    assert by_label.loc["JAK2", ["n_rna", "n_adt", "n_atac"]].tolist() == [7, 6, 0]
    assert set(by_label.index[by_label["matched"]]) == found.shared


@pytest.mark.parametrize("names", list(itertools.permutations(FILES)))
def test_the_order_of_the_modalities_changes_no_label(names):
    assert compare_labels(LabelRules(), {name: FILES[name] for name in names}).shared == {"MYC", "STAT1", "few"}


def test_of_two_the_labels_are_those_of_a_run():
    two = {name: FILES[name] for name in ("rna", "adt")}
    rules = LabelRules(minimum_cells=2, leave_out=("JAK2",), rename_target=(("STAT1", "only"),))
    assert compare_labels(rules, two).shared == set(reconcile_by_rules(rules, *two.values()).shared) == {"MYC", "only"}


def test_new_names_of_the_second_hold_for_the_third_and_those_of_the_reference_for_none_else():
    files = {"rna": {"a": 3, "b": 3}, "adt": {"A": 3, "b": 3}, "atac": {"A": 3, "B": 3}}
    rules = LabelRules(rename_target=(("A", "a"), ("B", "b")))
    assert compare_labels(rules, files).shared == {"a", "b"}
    assert compare_labels(LabelRules(rename_source=(("a", "A"),)), files).shared == {"A"}


def test_two_that_are_no_reference_are_compared_by_the_names_of_the_others_alone():
    """The reference's labels A and B become a and b; the same names mean something else in the others."""
    files = {"rna": {"A": 3, "B": 3}, "adt": {"a": 3, "b": 3, "A": 4}, "atac": {"a": 3, "b": 3, "A": 2}}
    rules = LabelRules(rename_source=(("A", "a"), ("B", "b")))
    assert _compared(rules, files, ("rna", "adt"), "source").shared == ("a", "b")
    assert set(_compared(rules, files, ("adt", "atac"), "target").shared) == {"a", "b", "A"}


def test_fewer_than_two_shared_labels_are_refused_with_what_each_has():
    with pytest.raises(PsmatchError, match=r"No label is shared: rna has .*atac has x, y") as caught:
        compare_labels(LabelRules(), {**FILES, "atac": {"x": 5, "y": 5}})
    assert caught.value.code == "PM-L09"
    every_two_share = {name: dict.fromkeys(labels, 3) for name, labels in (("a", "ABCD"), ("b", "ABEF"), ("c", "CDEF"))}
    with pytest.raises(PsmatchError, match=r"0 labels left .*a has .*b has .*c has") as caught:
        check_shared(compare_labels(LabelRules(), every_two_share), LabelRules())
    assert caught.value.code == "PM-L15"


def test_labels_that_are_not_in_all_are_refused_where_that_is_asked_for():
    labels = compare_labels(LabelRules(), FILES)
    check_shared(labels, LabelRules())
    with pytest.raises(PsmatchError, match="3 labels not in every modality: JAK2, new, only"):
        check_shared(labels, LabelRules(unshared="refuse"))


def test_look_alikes_of_the_last_modality_are_found_even_where_nothing_else_is_shared():
    files = {"rna": {"MYC": 3, "STAT1": 3}, "adt": {"MYC": 3, "STAT1": 3}, "atac": {"myc": 3, "Stat1": 3, "x": 2}}
    found = look_alikes(LabelRules(), files)
    assert found == {"myc": "MYC", "Stat1": "STAT1"}
    merged = LabelRules().with_renaming("target", found, [*files["adt"], *files["atac"]])
    assert compare_labels(merged, files).shared == {"MYC", "STAT1"}
    assert look_alikes(merged, files) == {}


def test_the_rules_of_two_rename_what_the_target_has_and_nothing_of_a_third_alone():
    rules = LabelRules(rename_target=(("myc", "MYC"), ("stat", "STAT1"), ("gone", "x")), leave_out=("y",))
    two = rules_of_two(rules, {"myc": 3}, {"myc": 2, "stat": 3})
    assert two == LabelRules(rename_target=(("myc", "MYC"), ("gone", "x")), leave_out=("y",))
    assert rules_of_two(rules, {"myc": 3, "stat": 1}, {}) is rules
