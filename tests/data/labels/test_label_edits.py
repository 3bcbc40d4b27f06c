"""Labels edited like a table: what is typed and unticked becomes label rules, and nothing else changes."""

from dataclasses import replace

import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.labels.label_edits import edited_rules, label_rows, preview_of
from psmatch_core.data.labels.label_rules import LabelRules, reconcile_by_rules

SOURCE = {"MYC": 30, "NT": 20, "Doublet": 9, " STAT1": 8}
TARGET = {"MYC": 12, "negcon": 40, "Doublet": 5, "rare": 1}
COUNTS = (SOURCE, TARGET)


def report(rules):
    return reconcile_by_rules(rules, *COUNTS)


def after(rules=None, **changes):
    """The rules after changes of rows, each named by the label of either side."""
    rules = rules or LabelRules()
    rows = label_rows(report(rules))
    edited = [replace(row, **changes.get(row.source or row.target, {})) for row in rows]
    return edited_rules(rules, rows, edited, COUNTS)


def test_rows_stand_next_to_each_other_and_decisions_come_first():
    rows = label_rows(report(LabelRules(leave_out=("Doublet",), minimum_cells=2)))
    assert [(row.source, row.target, row.status) for row in rows] == [
        (" STAT1", "", "one modality only"),
        ("NT", "", "one modality only"),
        ("", "negcon", "one modality only"),
        ("", "rare", "one modality only"),
        ("MYC", "MYC", "shared"),
        ("Doublet", "Doublet", "left out"),
    ]
    assert [row.is_used for row in rows] == [True] * 5 + [False]
    rows = label_rows(report(LabelRules(minimum_cells=6)))
    few = [(row.source, row.source_cells, row.target_cells) for row in rows if row.status == "too few cells"]
    assert few == [("Doublet", 9, 5)]  # on one side
    assert [row.status for row in rows].index("too few cells") == len(rows) - 2  # before what is shared


def test_no_edit_is_no_change():
    rules = LabelRules(rename_source=(("NT", "control"),), leave_out=("Doublet",), keep_only=("MYC", "control"))
    assert after(rules) == rules


def test_a_name_typed_anew_renames_one_side_and_equal_names_merge():
    rules = after(negcon={"target": "NT"})
    assert rules == LabelRules(rename_target=(("negcon", "NT"),))
    assert report(rules).shared == ("MYC", "NT", "Doublet")
    both = after(MYC={"source": "MYCN", "target": "MYCN"}, NT={"source": "MYCN"})
    assert report(both).source_counts["MYCN"] == 50


def test_spaces_around_a_name_can_be_taken_away():
    assert after(**{" STAT1": {"source": "STAT1"}}).renaming("source") == {" STAT1": "STAT1"}


def test_a_row_is_left_out_and_taken_back():
    rules = after(Doublet={"is_used": False})
    assert rules == LabelRules(leave_out=("Doublet",))
    assert after(rules, Doublet={"is_used": True}) == LabelRules()


def test_a_row_that_is_renamed_stays_left_out():
    rules = after(LabelRules(leave_out=("Doublet",)), Doublet={"source": "two cells", "target": "two cells"})
    assert rules.leave_out == ("two cells",)
    assert [row[0] for row in report(rules).left_out] == ["two cells"]


def test_a_label_taken_back_joins_those_that_are_kept():
    rules = after(LabelRules(keep_only=("MYC",)), NT={"is_used": True})
    assert rules.keep_only == ("MYC", "NT")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"NT": {"source": "  "}}, "Label NT of the source has no name"),
        ({"NT": {"target": "x"}}, "The target has no label NT, so there is nothing to call x"),
    ],
)
def test_an_edit_that_means_nothing_is_refused(changes, words):
    with pytest.raises(PsmatchError, match=words):
        after(**changes)


def test_the_preview_counts_labels_and_cells():
    rules = after(negcon={"target": "NT"}, Doublet={"is_used": False})
    assert preview_of(report(LabelRules()), report(rules)) == (
        ("shared labels", 2, 2),
        ("source cells with a shared label", 39, 50),
        ("target cells with a shared label", 17, 52),
    )
