"""Spellings that look alike have one form, and a sign behind a marker is no mark between words."""

import pytest

from psmatch_core.data.labels.label_rules import LabelRules, reconcile_by_rules
from psmatch_core.data.names.look_alikes import folded


def alike(source, target):
    report = reconcile_by_rules(LabelRules(), dict.fromkeys(source, 9), dict.fromkeys(target, 9))
    return [each[:2] for each in report.lookalikes]


@pytest.mark.parametrize("one", ["T helper", "T_helper", "t-helper", "T  helper", "T - helper", "T.helper"])
def test_marks_between_words_do_not_matter(one):
    assert folded(one) == folded("T helper")


@pytest.mark.parametrize(("one", "other"), [("CD27- B", "CD27 B"), ("CD27- B", "CD27+ B"), ("CD56-_NK", "CD56 NK")])
def test_a_cell_without_a_marker_is_none_with_it(one, other):
    assert alike(["NK", "DC", one], ["NK", "DC", other]) == []


def test_a_plus_sign_may_be_left_out():
    assert alike(["NK", "CD27+ B"], ["NK", "CD27 B"]) == [("CD27+ B", "CD27 B")]
    assert alike(["NK", "Lin+"], ["NK", "Lin"]) == [("Lin+", "Lin")]
    assert alike(["NK", "CD27+ B", "CD27+  B"], ["NK", "CD27 B"]) == []
    assert alike(["NK", "CD4+CD25+ T"], ["NK", "CD4 CD25 T"]) == []
    assert alike(["A+B"], ["A B"]) == []
